#include "report/verdicts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "report/figure_text.hpp"
#include "report/preconditions.hpp"

namespace afu::report {

namespace {

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

/// A seed that failed or was not run yet may not be dropped: what is left cannot show that a claim holds.
Verdict with_standing(Verdict v, const Standing& s) {
  if (v.outcome == Outcome::holds && s.failed + s.missing > 0) {
    v.outcome = Outcome::open;
    v.reason = fmt::format("would hold but for cells that {}: {}", s.failed > 0 ? "failed" : "are not in yet",
                           v.reason);
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

bool is_of_forget_set(const Metric& metric) {
  return &metric == &attack() || &metric == find_metric("mia_auc") ||
         &metric == find_metric("forget_accuracy");
}

/// TOST of one metric at one moment.
Verdict equivalence_of(const Metric& metric, const Pairs& p, const StatisticsPlan& plan) {
  using TOST = stats::Equivalence::Outcome;
  if (p.a.empty()) return {Outcome::open, "was not measured in both"};
  if (auto few = too_few(p.a.size(), metric.title)) return *few;
  const double margin = plan.margins.at(metric.name), alpha = 1 - plan.confidence;
  const auto t = *stats::tost(p.a, p.b, margin, alpha);
  std::vector<double> differences;
  for (std::size_t i = 0; i < p.a.size(); ++i) differences.push_back(p.a[i] - p.b[i]);
  const auto outcome = t.outcome == TOST::equivalent  ? Outcome::holds
                       : t.outcome == TOST::different ? Outcome::fails
                                                      : Outcome::open;
  Verdict v{outcome, fmt::format("{} {}, {} ±{}", difference_text(metric, stats::mean(differences)),
                                 interval_text(metric, t.interval),
                                 outcome == Outcome::holds   ? "inside"
                                 : outcome == Outcome::fails ? "outside"
                                                             : "across",
                                 margin_text(metric, margin))};
  if (const auto flat = without_spread(differences, alpha); flat && outcome == Outcome::holds)
    v = {Outcome::open, v.reason + ", but " + *flat};
  return v;
}

std::vector<const CellFigures*> study_cells(const Analysis& a, std::size_t group, std::size_t arm) {
  std::vector<const CellFigures*> out;
  for (const auto* cell : a.study().cells_of(group, arm))
    if (const auto* f = a.figures(*cell)) out.push_back(f);
  return out;
}

/// What claim (d) compares: see there.
std::optional<double> time_of(bool untrained, const CellFigures& f) {
  return untrained ? f.latency : f.passing;
}

Analysis::Values times(const Analysis& a, std::size_t group, std::size_t arm) {
  const bool untrained = a.study().untrained();
  return a.values(group, arm, [&](const Cell&, const CellFigures& f) { return time_of(untrained, f); });
}

double mean_time(const Analysis& a, std::size_t group, std::size_t arm) {
  return stats::mean(list(times(a, group, arm)));
}

/// Whom the subject may be held against in (d).
std::vector<std::size_t> rivals(const Study& study, std::size_t subject) {
  std::vector<std::size_t> out;
  for (std::size_t arm = 0; arm < study.arms.size(); ++arm)
    if (study.arms[arm].synchronous && arm != subject && study.arms[arm].role != Arm::Role::control)
      out.push_back(arm);
  return out;
}

/// Of the rivals whose claim (a) came out as `passing`; in an untrained study, of all.
std::optional<std::size_t> fastest_synchronous(const Analysis& a, std::size_t group, std::size_t subject,
                                               Outcome passing) {
  const auto& study = a.study();
  std::optional<std::size_t> best;
  double best_mean = 0;
  for (auto arm : rivals(study, subject)) {
    const bool passes = study.untrained() || arm == study.reference;
    if ((passes ? Outcome::holds : equivalence(a, group, arm).outcome) != passing) continue;
    const auto values = list(times(a, group, arm));
    if (values.empty()) continue;
    if (const auto mean = stats::mean(values); !best || mean < best_mean) {
      best = arm;
      best_mean = mean;
    }
  }
  return best;
}

/// Why the subject has no time that could be compared in (d), if so.
std::optional<Verdict> without_time(const Analysis& a, std::size_t group, std::size_t arm) {
  const auto& study = a.study();
  const auto completed = counted(study_cells(a, group, arm).size(), "cell");
  const auto never = a.lacking(group, arm, [](const auto&, const auto& f) { return f.erased; });
  if (!never.empty())
    return Verdict{Outcome::fails, fmt::format("in {} of {} no model without the influence was published",
                                               never.size(), completed)};
  std::vector<std::string> missing;
  add_lacking(missing,
              a.lacking(group, arm, [](const auto&, const auto& f) { return f.latency.has_value(); }),
              "time to erase (no event log tells whether training began again)");
  if (!study.untrained())
    add_lacking(missing, a.lacking(group, arm, [](const auto&, const auto& f) { return f.passing_known; }),
                "time to pass (its versions, or the reference, lack a figure with a margin)");
  if (!missing.empty()) return unjudged(missing);
  if (!study.untrained()) {
    const auto unfit =
        a.lacking(group, arm, [](const auto&, const auto& f) { return f.passing.has_value(); });
    if (!unfit.empty())
      return Verdict{Outcome::fails,
                     fmt::format("in {} of {} no published version is erased and useful and stays so, {} "
                                 "the first",
                                 unfit.size(), completed, unfit.front()->folder)};
  } else if (const auto all = list(times(a, group, arm));
             !all.empty() && std::all_of(all.begin(), all.end(), [](double t) { return t == 0; })) {
    return Verdict{Outcome::open,
                   "it publishes at the request itself, so that its time is 0 by construction, and nothing "
                   "was trained that could tell whether that model is erased"};
  }
  return std::nullopt;
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
  const auto& study = a.study();
  const auto cells = standing(a, group, {arm, study.reference});
  const auto unserved = a.lacking(group, arm, [](const auto&, const auto& f) { return f.erased; });
  if (!unserved.empty())
    return with_standing(
        {Outcome::fails, fmt::format("nothing was erased in {}, {} the first",
                                     counted(unserved.size(), "cell"), unserved.front()->folder)},
        cells);
  Verdict v{Outcome::holds, {}};
  // Of what was there to be forgotten (the attack, membership, the forget set): in the family; with power.
  std::size_t to_forget = 0, with_power = 0;
  std::optional<std::string> obstacle;
  const auto add = [&](Outcome outcome, const std::string& part) {
    if (outcome == Outcome::fails || (outcome == Outcome::unjudged && v.outcome != Outcome::fails) ||
        (outcome == Outcome::open && v.outcome == Outcome::holds))
      v.outcome = outcome;
    v.reason += (v.reason.empty() ? "" : "; ") + part;
  };
  for (const auto& name : study.statistics.family) {
    const auto& metric = *find_metric(name);
    if (const auto missing = a.unjudged(group, arm, metric); !missing.empty()) {
      add(Outcome::unjudged, fmt::format("{} {}", metric.title, unjudged(missing).reason));
      continue;
    }
    std::string text = metric.title;
    auto worst = Outcome::holds;
    if (a.values(group, arm, metric).empty() || a.values(group, study.reference, metric).empty()) {
      add(Outcome::open, text + " was not measured in both");
      continue;
    }
    for (const auto moment : judged_moments) {
      const auto p =
          pairs(a.values(group, arm, metric, moment), a.values(group, study.reference, metric, moment));
      const auto part = equivalence_of(metric, p, study.statistics);
      text += fmt::format("{} {} {}", moment == judged_moments[0] ? "" : ",",
                          moment_text(moment, study.rebound), part.reason);
      if (part.outcome == Outcome::fails || worst == Outcome::holds) worst = part.outcome;
    }
    const auto weak = without_power(a, group, arm, metric);
    if (&metric == &attack()) obstacle = weak;
    if (is_of_forget_set(metric)) ++to_forget, with_power += !weak;
    // Who cannot be told before cannot be told after: that is no finding, but one who can after is.
    if (weak && &metric == find_metric("mia_auc") && worst != Outcome::fails)
      add(Outcome::holds, fmt::format("{}: no power ({}), nothing is claimed about it", metric.title, *weak));
    else
      add(worst, text);
  }
  if (to_forget > 0 && with_power == 0 && !obstacle)
    obstacle = "nothing that was there to be forgotten has power";
  v = requiring(std::move(v), obstacle);
  return with_standing(std::move(v), cells);
}

Verdict no_rebound(const Analysis& a, std::size_t group, std::size_t arm) {
  const auto& study = a.study();
  const auto& plan = study.rebound;
  const auto all = plan.rounds + plan.tail_rounds;
  if (!plan.enabled) return {Outcome::open, "the study has no rebound protocol"};
  const auto excess = blocks(a, group, arm);
  const auto control = visible_rebound_of(a, group);
  std::vector<std::size_t> concerned{arm, study.reference};
  if (control.arm) concerned.push_back(*control.arm);
  const auto cells = standing(a, group, concerned);
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
    obstacle = control.obstacle;
  for (std::size_t b = 0; b < excess.size() && !obstacle; ++b)
    if (const auto flat = without_spread(excess[b], alpha))
      obstacle = fmt::format("the excess in rounds {} to {} is {}", where[b].first, where[b].last, *flat);
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
  std::optional<std::string> flat;
  if (auto why = without_spread(ratio, 1 - a.study().statistics.confidence))
    flat = "the retained throughput is " + *why;
  v.reason = fmt::format("downtime 0 in {}; retained throughput, of {}, {:.3f} [{:.3f}, {:.3f}], {} {:.2f}",
                         counted(down.size(), "cell"),
                         paired ? "the run in which the client just leaves" : "that before the request",
                         e.mean, e.interval->low, e.interval->high,
                         v.outcome == Outcome::holds   ? "at or above"
                         : v.outcome == Outcome::fails ? "below"
                                                       : "across",
                         margin);
  return with_standing(requiring(std::move(v), flat), cells);
}

Verdict latency(const Analysis& a, std::size_t group, std::size_t arm) {
  const auto& study = a.study();
  const bool untrained = study.untrained();
  const auto mine_alone = standing(a, group, {arm});
  if (auto none = without_time(a, group, arm)) return with_standing(*none, mine_alone);
  std::optional<std::string> obstacle;
  if (!untrained) {
    const auto own = equivalence(a, group, arm);
    if (own.outcome == Outcome::fails || own.outcome == Outcome::unjudged)
      return {own.outcome,
              fmt::format("{} (a), without which there is no erased model to be there sooner",
                          own.outcome == Outcome::fails ? "it fails" : "it cannot be judged by")};
    if (own.outcome == Outcome::open)
      obstacle = fmt::format("whether {} passes (a) is open", study.arms[arm].name);
  }
  // Where none passes, the fastest that may: who is faster than that is faster than any that does.
  auto other = fastest_synchronous(a, group, arm, Outcome::holds);
  const bool decided = other.has_value();
  if (!decided) other = fastest_synchronous(a, group, arm, Outcome::open);
  // One that cannot be judged might pass, and be faster than the one that was found.
  if (const auto dark = fastest_synchronous(a, group, arm, Outcome::unjudged);
      dark && (!other || mean_time(a, group, *dark) < mean_time(a, group, *other)))
    return with_standing(unjudged({fmt::format("whether {} passes (a): {}", study.arms[*dark].name,
                                               equivalence(a, group, *dark).reason)}),
                         standing(a, group, {arm, *dark}));
  if (!other)
    return with_standing(
        {Outcome::open, fmt::format("no synchronous arm {}, so there is none to be faster than",
                                    untrained ? "erased" : "can pass (a)")},
        mine_alone);
  auto cells = standing(a, group, {arm, *other});
  cells.missing += standing(a, group, rivals(study, arm)).missing - standing(a, group, {*other}).missing;
  const auto p = pairs(times(a, group, arm), times(a, group, *other));
  if (auto few = too_few(p.a.size(), "times")) return with_standing(*few, cells);
  const double ratio = study.statistics.latency_ratio;
  std::vector<double> lead;
  for (std::size_t i = 0; i < p.a.size(); ++i) lead.push_back(p.b[i] - ratio * p.a[i]);
  const auto e = stats::estimate(lead, study.statistics.confidence);
  const double mine = stats::mean(p.a), theirs = stats::mean(p.b);
  if (auto flat = without_spread(lead, 1 - study.statistics.confidence); flat && !obstacle)
    obstacle = "the difference is " + *flat;
  Verdict v;
  const bool slower = e.interval->high < 0;
  v.outcome = e.interval->low >= 0 ? Outcome::holds : slower && decided ? Outcome::fails : Outcome::open;
  v.reason = fmt::format("{} {} against {} of {}, the fastest synchronous arm{}",
                         untrained ? "time to the first version without it" : "time to pass",
                         seconds_text(mine), seconds_text(theirs), study.arms[*other].name,
                         untrained ? " (nothing was trained, so equivalence is not part of it)"
                         : decided ? " that passes (a)"
                                   : " that may pass (a): none does with enough power");
  v.reason += mine > 0 ? fmt::format(": {:.1f} times shorter", theirs / mine)
                       : ": the version published at the request passes";
  v.reason += fmt::format("; {} - {:g} x {} = {} [{}, {}], {} 0", study.arms[*other].name, ratio,
                          study.arms[arm].name, seconds_text(e.mean), seconds_text(e.interval->low),
                          seconds_text(e.interval->high),
                          v.outcome == Outcome::holds ? "at or above"
                          : slower                    ? "below"
                                                      : "across");
  const auto never =
      a.lacking(group, *other, [&](const auto&, const auto& f) { return time_of(untrained, f).has_value(); });
  if (!never.empty())
    v.reason += fmt::format("; without {} in which {} never {}, {} the first", counted(never.size(), "seed"),
                            study.arms[*other].name, untrained ? "erased" : "passes and stays so",
                            never.front()->folder);
  return with_standing(requiring(std::move(v), obstacle), cells);
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
