#include "report/verdicts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "report/figure_text.hpp"

namespace afu::report {

namespace {

constexpr double strong_attack = 0.5;    ///< P0 (METHODS 10)
constexpr double visible_rebound = 0.1;  ///< P1

const Metric& attack() { return *find_metric("attack_success_rate"); }

/// Cells of these arms that are not there to be judged, as " (...)"; empty: all are.
struct Standing {
  std::size_t failed = 0, missing = 0;
  std::string text() const {
    if (failed + missing == 0) return {};
    std::string out;
    if (failed > 0) out += fmt::format("{} failed", counted(failed, "cell"));
    if (missing > 0)
      out += fmt::format("{}{} not run yet", out.empty() ? "" : ", ", counted(missing, "cell"));
    return " (" + out + ")";
  }
};

Standing standing(const Analysis& a, std::size_t group, std::vector<std::size_t> arms) {
  Standing s;
  std::sort(arms.begin(), arms.end());
  arms.erase(std::unique(arms.begin(), arms.end()), arms.end());
  for (auto arm : arms)
    for (const auto* cell : a.study().cells_of(group, arm)) {
      s.failed += cell->state == Cell::State::failed;
      s.missing += cell->state == Cell::State::missing;
    }
  return s;
}

/// A seed that failed may not be dropped: what is left cannot show that a claim holds.
Verdict with_standing(Verdict v, const Standing& s) {
  if (v.outcome == Outcome::holds && s.failed > 0) {
    v.outcome = Outcome::open;
    v.reason = "would hold but for cells that failed: " + v.reason;
  }
  v.reason += s.text();
  return v;
}

constexpr std::size_t most_named = 3;

/// "a; b; c; 2 more"
std::string joined(const std::vector<std::string>& all) {
  std::string out;
  for (std::size_t i = 0; i < std::min(all.size(), most_named); ++i) out += (i > 0 ? "; " : "") + all[i];
  if (all.size() > most_named) out += fmt::format("; {} more", all.size() - most_named);
  return out;
}

Verdict unjudged(const std::vector<std::string>& why) {
  return {Outcome::unjudged, "cannot be judged: " + joined(why)};
}

/// "cells/a/seed=1 has no ..." for each of `cells`.
void add_lacking(std::vector<std::string>& to, const std::vector<const Cell*>& cells,
                 const std::string& what) {
  for (const auto* c : cells) to.push_back(c->folder + " has no " + what);
}

std::optional<Verdict> too_few(std::size_t n, const std::string& of) {
  if (n >= fewest_pairs) return std::nullopt;
  return Verdict{Outcome::open, fmt::format("{} of {}, at least {} are needed", counted(n, "paired seed"), of,
                                            fewest_pairs)};
}

/// P0: the reason why an erasure of the attack could not be seen, if so.
std::optional<std::string> weak_attack(const Analysis& a, std::size_t group, std::size_t arm) {
  const auto of = [](const Cell& c) { return c.run->summary.before_erasure.attack_success_rate; };
  const auto before = a.values(group, arm, [&](const Cell& c, const CellFigures&) { return of(c); });
  const auto unknown =
      a.lacking(group, arm, [&](const Cell& c, const CellFigures&) { return of(c).has_value(); });
  if (!before.empty() && !unknown.empty())
    return fmt::format("the attack's success before the erasure is not known in {}", unknown.front()->folder);
  const auto after = a.values(group, a.study().reference, attack());
  std::optional<double> least;
  for (const auto& [seed, value] : before)
    if (const auto r = after.find(seed); r != after.end())
      least = std::min(least.value_or(value - r->second), value - r->second);
  if (!least) return "the attack's success before the erasure is not known";
  if (*least >= strong_attack) return std::nullopt;
  return fmt::format(
      "the attack was too weak to tell: before the erasure its success was only {} above {}'s in the "
      "weakest seed, at least {} are needed",
      difference_text(attack(), *least), a.study().arms[a.study().reference].name,
      difference_text(attack(), strong_attack));
}

Verdict requiring(Verdict v, const std::optional<std::string>& obstacle) {
  if (v.outcome != Outcome::holds || !obstacle) return v;
  return {Outcome::open, *obstacle + "; otherwise: " + v.reason};
}

/// The excess of `arm`, block by block, each over the seeds; as many blocks as the shortest curve has.
std::vector<std::vector<double>> blocks(const Analysis& a, std::size_t group, std::size_t arm) {
  std::vector<const RoundCurve*> runs;
  for (const auto* cell : a.study().cells_of(group, arm))
    if (const auto* f = a.figures(*cell); f && !f->excess.blocks.empty()) runs.push_back(&f->excess.blocks);
  std::vector<std::vector<double>> out;
  if (runs.empty()) return out;
  std::size_t n = runs.front()->size();
  for (const auto* r : runs) n = std::min(n, r->size());
  out.resize(n);
  for (const auto* r : runs)
    for (std::size_t b = 0; b < n; ++b) out[b].push_back((*r)[b]);
  return out;
}

/// P1.
std::optional<std::string> no_visible_rebound(const Analysis& a, std::size_t group) {
  const auto& arms = a.study().arms;
  std::optional<double> most;
  std::string whose;
  for (std::size_t arm = 0; arm < arms.size(); ++arm) {
    if (arms[arm].role != Arm::Role::control) continue;
    for (const auto& values : blocks(a, group, arm))
      if (const auto mean = stats::mean(values); !most || mean > *most) {
        most = mean;
        whose = arms[arm].name;
      }
  }
  if (!most) return "no control arm shows what a rebound would look like";
  if (*most >= visible_rebound) return std::nullopt;
  return fmt::format("no control arm rebounded: the most is {} ({}), at least {} are needed",
                     difference_text(attack(), *most), whose, difference_text(attack(), visible_rebound));
}

/// Of the completed cells of both arms, those whose curve of attack success is missing or broken off.
std::vector<std::string> without_curve(const Analysis& a, std::size_t group, std::size_t arm) {
  auto out = a.unjudged(group, arm, attack());
  if (!out.empty()) return out;
  for (auto which : {arm, a.study().reference})
    for (const auto* cell : a.study().cells_of(group, which)) {
      const auto* f = a.figures(*cell);
      if (f == nullptr) continue;
      std::string flaw;
      for (const auto& found : cell->run->flaws)
        if (found.metric == &attack()) flaw = " (" + found.text + ")";
      if (f->curve.empty() || !flaw.empty())
        out.push_back(cell->folder + " has no whole curve of attack success" + flaw);
    }
  return out;
}

std::vector<const CellFigures*> study_cells(const Analysis& a, std::size_t group, std::size_t arm) {
  std::vector<const CellFigures*> out;
  for (const auto* cell : a.study().cells_of(group, arm))
    if (const auto* f = a.figures(*cell)) out.push_back(f);
  return out;
}

Analysis::Values latencies(const Analysis& a, std::size_t group, std::size_t arm) {
  return a.values(group, arm, [](const Cell&, const CellFigures& f) { return f.latency; });
}

double mean_latency(const Analysis& a, std::size_t group, std::size_t arm) {
  return stats::mean(list(latencies(a, group, arm)));
}

/// Of the arms whose claim (a) came out as `passing`; in an untrained study, of all.
std::optional<std::size_t> fastest_synchronous(const Analysis& a, std::size_t group, std::size_t subject,
                                               Outcome passing) {
  const auto& study = a.study();
  std::optional<std::size_t> best;
  double best_mean = 0;
  for (std::size_t arm = 0; arm < study.arms.size(); ++arm) {
    if (!study.arms[arm].synchronous || arm == subject || study.arms[arm].role == Arm::Role::control)
      continue;
    const bool passes = study.untrained() || arm == study.reference;
    if ((passes ? Outcome::holds : equivalence(a, group, arm).outcome) != passing) continue;
    const auto values = list(latencies(a, group, arm));
    if (values.empty()) continue;
    if (const auto mean = stats::mean(values); !best || mean < best_mean) {
      best = arm;
      best_mean = mean;
    }
  }
  return best;
}

}  // namespace

const char* to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::holds:
      return "holds";
    case Outcome::fails:
      return "fails";
    case Outcome::open:
      return "not enough power";
    case Outcome::unjudged:
      return "cannot be judged";
  }
  return "unknown";
}

Verdict equivalence(const Analysis& a, std::size_t group, std::size_t arm) {
  using TOST = stats::Equivalence::Outcome;
  const auto& study = a.study();
  Verdict v{Outcome::holds, {}};
  bool with_attack = false;
  for (const auto& name : study.statistics.family) {
    const auto& metric = *find_metric(name);
    const auto& c = a.comparison(group, arm, metric);
    const auto n = c.paired.difference.n;
    std::string part;
    auto outcome = Outcome::open;
    if (const auto missing = a.unjudged(group, arm, metric); !missing.empty()) {
      outcome = Outcome::unjudged;
      part = fmt::format("{} {}", metric.title, unjudged(missing).reason);
    } else if (n == 0) {
      part = fmt::format("{} was not measured in both", metric.title);
    } else if (const auto few = too_few(n, metric.title)) {
      part = few->reason;
    } else {
      const double margin = study.statistics.margins.at(name);
      const auto place = c.equivalence->outcome;
      outcome = place == TOST::equivalent  ? Outcome::holds
                : place == TOST::different ? Outcome::fails
                                           : Outcome::open;
      part = fmt::format("{} {} {}, {} ±{}", metric.title, difference_text(metric, c.paired.difference.mean),
                         interval_text(metric, c.equivalence->interval),
                         outcome == Outcome::holds   ? "inside"
                         : outcome == Outcome::fails ? "outside"
                                                     : "across",
                         margin_text(metric, margin));
    }
    with_attack = with_attack || (&metric == &attack() && n > 0);
    if (outcome == Outcome::fails || (outcome == Outcome::unjudged && v.outcome != Outcome::fails) ||
        (outcome == Outcome::open && v.outcome == Outcome::holds))
      v.outcome = outcome;
    v.reason += (v.reason.empty() ? "" : "; ") + part;
  }
  if (with_attack) v = requiring(std::move(v), weak_attack(a, group, arm));
  return with_standing(std::move(v), standing(a, group, {arm, study.reference}));
}

Verdict no_rebound(const Analysis& a, std::size_t group, std::size_t arm) {
  const auto& study = a.study();
  const auto& plan = study.rebound;
  const auto all = plan.rounds + plan.tail_rounds;
  if (!plan.enabled) return {Outcome::open, "the study has no rebound protocol"};
  const auto excess = blocks(a, group, arm);
  const auto cells = standing(a, group, {arm, study.reference});
  if (const auto missing = without_curve(a, group, arm); !missing.empty())
    return with_standing(unjudged(missing), cells);
  const auto seeds = excess.empty() ? 0 : excess.front().size();
  if (auto few = too_few(seeds, "excess curves")) return with_standing(*few, cells);
  std::size_t rounds = all;
  for (const auto* cell : study.cells_of(group, arm))
    if (const auto* f = a.figures(*cell); f && !f->excess.blocks.empty())
      rounds = std::min(rounds, f->excess.rounds);
  const auto where = blocks_of(rounds);
  const double margin = study.statistics.rebound_margin, alpha = 1 - study.statistics.confidence;
  // One-sided tests at alpha: all must pass for the claim, so none is corrected; one that is above by chance
  // must not fail it, so those are.
  const double per_block = alpha / static_cast<double>(excess.size());
  std::size_t highest = 0;
  double highest_end = -1;
  bool below = true, above = false;
  for (std::size_t b = 0; b < excess.size(); ++b) {
    const auto e = stats::estimate(excess[b], 1 - 2 * alpha);
    below = below && e.interval->high <= margin;
    above = above || stats::estimate(excess[b], 1 - 2 * per_block).interval->low > margin;
    if (e.interval->high > highest_end) highest_end = e.interval->high, highest = b;
  }
  const auto e = stats::estimate(excess[highest], 1 - 2 * alpha);
  Verdict v;
  v.outcome = below ? Outcome::holds : above ? Outcome::fails : Outcome::open;
  v.reason = fmt::format(
      "excess in {} blocks of {} rounds, {} seeds: nearest to the margin in rounds {} to {}, {} {}, {} {}",
      excess.size(), block_rounds, seeds, where[highest].first, where[highest].last,
      difference_text(attack(), e.mean), interval_text(attack(), *e.interval),
      v.outcome == Outcome::holds   ? "within"
      : v.outcome == Outcome::fails ? "above"
                                    : "across",
      margin_text(attack(), margin));
  std::optional<std::string> obstacle;
  if (rounds < all)
    obstacle = fmt::format("the shortest pair of curves ends at round {} of {}", rounds, all);
  else if (obstacle = weak_attack(a, group, arm); !obstacle)
    obstacle = no_visible_rebound(a, group);
  return with_standing(requiring(std::move(v), obstacle), cells);
}

Verdict no_downtime(const Analysis& a, std::size_t group, std::size_t arm) {
  const auto cells = standing(a, group, {arm});
  const auto down = a.values(group, arm, [](const Cell&, const CellFigures& f) { return f.downtime; });
  const auto ratio =
      list(a.values(group, arm, [](const Cell&, const CellFigures& f) { return f.throughput; }));
  const auto halted = std::count_if(down.begin(), down.end(), [](const auto& d) { return d.second > 0; });
  if (halted > 0)
    return with_standing(
        {Outcome::fails, fmt::format("training stood still in {} of {}, {} on average", halted,
                                     counted(down.size(), "cell"), seconds_text(stats::mean(list(down))))},
        cells);
  std::vector<std::string> missing;
  add_lacking(missing,
              a.lacking(group, arm, [](const auto&, const auto& f) { return f.downtime.has_value(); }),
              "downtime");
  add_lacking(missing,
              a.lacking(group, arm, [](const auto&, const auto& f) { return f.throughput.has_value(); }),
              "retained throughput");
  const auto runs = study_cells(a, group, arm);
  const bool paired =
      std::all_of(runs.begin(), runs.end(), [](const auto* f) { return f->throughput_paired; });
  if (!paired && std::any_of(runs.begin(), runs.end(), [](const auto* f) { return f->throughput_paired; }))
    add_lacking(missing,
                a.lacking(group, arm, [](const auto&, const auto& f) { return f.throughput_paired; }),
                "throughput beside the run in which the client just leaves, which others have");
  if (!missing.empty()) return with_standing(unjudged(missing), cells);
  if (down.size() < fewest_pairs || ratio.size() < fewest_pairs)
    return with_standing(*too_few(std::min(down.size(), ratio.size()), "downtime and throughput"), cells);
  const auto e = stats::estimate(ratio, a.study().statistics.confidence);
  const double margin = a.study().statistics.throughput_margin;
  Verdict v;
  v.outcome = e.interval->low >= margin   ? Outcome::holds
              : e.interval->high < margin ? Outcome::fails
                                          : Outcome::open;
  v.reason = fmt::format("downtime 0 in {}; retained throughput, of {}, {:.3f} [{:.3f}, {:.3f}], {} {:.2f}",
                         counted(down.size(), "cell"),
                         paired ? "the run in which the client just leaves" : "that before the request",
                         e.mean, e.interval->low, e.interval->high,
                         v.outcome == Outcome::holds   ? "at or above"
                         : v.outcome == Outcome::fails ? "below"
                                                       : "across",
                         margin);
  return with_standing(std::move(v), cells);
}

Verdict latency(const Analysis& a, std::size_t group, std::size_t arm) {
  const auto& study = a.study();
  std::size_t never = 0, completed = 0;
  for (const auto* cell : study.cells_of(group, arm))
    if (const auto* f = a.figures(*cell)) {
      ++completed;
      never += !f->erased;
    }
  if (never > 0)
    return with_standing(
        {Outcome::fails, fmt::format("in {} of {} no model without the influence was published", never,
                                     counted(completed, "cell"))},
        standing(a, group, {arm}));
  std::vector<std::string> missing;
  add_lacking(missing,
              a.lacking(group, arm, [](const auto&, const auto& f) { return f.latency.has_value(); }),
              "time to erase (no event log tells whether training began again)");
  if (!missing.empty()) return with_standing(unjudged(missing), standing(a, group, {arm}));
  // Where none passes, the fastest that may: who is faster than that is faster than any that does.
  auto other = fastest_synchronous(a, group, arm, Outcome::holds);
  const bool decided = other.has_value(), untrained = study.untrained();
  if (!decided) other = fastest_synchronous(a, group, arm, Outcome::open);
  // One that cannot be judged might pass, and be faster than the one that was found.
  if (const auto dark = fastest_synchronous(a, group, arm, Outcome::unjudged);
      dark && (!other || mean_latency(a, group, *dark) < mean_latency(a, group, *other)))
    return with_standing(unjudged({fmt::format("whether {} passes (a): {}", study.arms[*dark].name,
                                               equivalence(a, group, *dark).reason)}),
                         standing(a, group, {arm, *dark}));
  if (!other)
    return with_standing(
        {Outcome::open, fmt::format("no synchronous arm {}, so there is none to be faster than",
                                    untrained ? "erased" : "can pass (a)")},
        standing(a, group, {arm}));
  const auto cells = standing(a, group, {arm, *other});
  const auto p = pairs(latencies(a, group, arm), latencies(a, group, *other));
  if (auto few = too_few(p.a.size(), "latencies")) return with_standing(*few, cells);
  const double ratio = study.statistics.latency_ratio;
  std::vector<double> lead;
  for (std::size_t i = 0; i < p.a.size(); ++i) lead.push_back(p.b[i] - ratio * p.a[i]);
  const auto e = stats::estimate(lead, study.statistics.confidence);
  const double mine = stats::mean(p.a), theirs = stats::mean(p.b);
  Verdict v;
  const bool slower = e.interval->high < 0;
  v.outcome = e.interval->low >= 0 ? Outcome::holds : slower && decided ? Outcome::fails : Outcome::open;
  v.reason = fmt::format("{} against {} of {}, the fastest synchronous arm{}", seconds_text(mine),
                         seconds_text(theirs), study.arms[*other].name,
                         untrained ? " (nothing was trained, so equivalence is not part of it)"
                         : decided ? " that passes (a)"
                                   : " that may pass (a): none does with enough power");
  v.reason +=
      mine > 0 ? fmt::format(": {:.1f} times shorter", theirs / mine) : ": erased at the request itself";
  v.reason += fmt::format("; {} - {:g} x {} = {} [{}, {}], {} 0", study.arms[*other].name, ratio,
                          study.arms[arm].name, seconds_text(e.mean), seconds_text(e.interval->low),
                          seconds_text(e.interval->high),
                          v.outcome == Outcome::holds ? "at or above"
                          : slower                    ? "below"
                                                      : "across");
  const auto never_erased =
      a.lacking(group, *other, [](const auto&, const auto& f) { return f.latency.has_value(); });
  if (!never_erased.empty())
    v.reason += fmt::format("; without {} in which {} never erased, {} the first",
                            counted(never_erased.size(), "seed"), study.arms[*other].name,
                            never_erased.front()->folder);
  return with_standing(std::move(v), cells);
}

const std::vector<Claim>& claims() {
  static const std::vector<Claim> all{
      {"equivalence", "(a) equivalent to the reference", &equivalence},
      {"no_rebound", "(b) nothing comes back", &no_rebound},
      {"no_downtime", "(c) training is not interrupted", &no_downtime},
      {"latency", "(d) the first erased model is there sooner", &latency},
  };
  return all;
}

const Claim* find_claim(const std::string& name) {
  for (const auto& c : claims())
    if (c.name == name) return &c;
  return nullptr;
}

}  // namespace afu::report
