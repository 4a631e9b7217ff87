#include "figures/verdicts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "figures/figure_text.hpp"
#include "figures/preconditions.hpp"
#include "figures/verdict_parts.hpp"

namespace afu::figures {

namespace {

const Metric& attack() { return *find_metric("attack_success_rate"); }

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

bool is_of_forget_set(const Metric& metric) {
  return &metric == &attack() || &metric == find_metric("mia_auc") ||
         &metric == find_metric("forget_accuracy");
}

/// TOST of one metric at one moment.
Verdict equivalence_of(const Metric& metric, const Pairs& p, const StatisticsPlan& plan) {
  using TOST = Equivalence::Outcome;
  if (p.a.empty()) return {Outcome::open, "was not measured in both"};
  if (auto few = too_few(p.a.size(), metric.title)) return *few;
  const double margin = plan.margins.at(metric.name), alpha = 1 - plan.confidence;
  const auto t = *tost(p.a, p.b, margin, alpha);
  std::vector<double> differences;
  for (std::size_t i = 0; i < p.a.size(); ++i) differences.push_back(p.a[i] - p.b[i]);
  const auto outcome = t.outcome == TOST::equivalent  ? Outcome::holds
                       : t.outcome == TOST::different ? Outcome::fails
                                                      : Outcome::open;
  Verdict v{outcome, fmt::format("{} {}, {} ±{}", difference_text(metric, mean(differences)),
                                 interval_text(metric, t.interval),
                                 outcome == Outcome::holds   ? "inside"
                                 : outcome == Outcome::fails ? "outside"
                                                             : "across",
                                 margin_text(metric, margin))};
  if (const auto flat = without_spread(differences, alpha); flat && outcome == Outcome::holds)
    v = {Outcome::open, v.reason + ", but " + *flat};
  return v;
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
    if (weak && is_of_forget_set(metric) && &metric != &attack() && worst != Outcome::fails)
      add(Outcome::holds, fmt::format("{}: no power ({}), nothing is claimed about it", metric.title, *weak));
    else if (weak && !is_of_forget_set(metric) && worst == Outcome::holds)
      add(Outcome::open, text + ", but " + *weak);
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
    const auto e = estimate(excess[b], 1 - 2 * alpha);
    below = below && e.interval->high <= margin;
    above = above || estimate(excess[b], 1 - 2 * per_block).interval->low > margin;
    if (e.interval->high > highest_end) highest_end = e.interval->high, highest = b;
  }
  const auto e = estimate(excess[highest], 1 - 2 * alpha);
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
                                     counted(down.size(), "cell"), seconds_text(mean(list(down))))},
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
  const auto e = estimate(ratio, a.study().statistics.confidence);
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

const std::vector<Claim>& claims() {
  static const std::vector<Claim> all{
      {"equivalence", "(a) equivalent to the reference", &equivalence},
      {"no_rebound", "(b) nothing comes back", &no_rebound},
      {"no_downtime", "(c) training is not interrupted", &no_downtime},
      {"latency", "(d) the first erased model is there sooner", &latency},
      {"keeps_away", "(e) less comes back than under the controls", &keeps_away},
  };
  return all;
}

const Claim* find_claim(const std::string& name) {
  for (const auto& c : claims())
    if (c.name == name) return &c;
  return nullptr;
}

}  // namespace afu::figures
