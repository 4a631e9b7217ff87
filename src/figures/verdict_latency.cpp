/// Claim (d).
#include "figures/verdicts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "figures/figure_text.hpp"
#include "figures/preconditions.hpp"
#include "figures/verdict_parts.hpp"

namespace afu::figures {

namespace {

/// What claim (d) compares: see there.
std::optional<double> time_of(bool untrained, const CellFigures& f) {
  return untrained ? f.latency : f.passing;
}

Analysis::Values times(const Analysis& a, std::size_t group, std::size_t arm) {
  const bool untrained = a.study().untrained();
  return a.values(group, arm, [&](const Cell&, const CellFigures& f) { return time_of(untrained, f); });
}

double mean_time(const Analysis& a, std::size_t group, std::size_t arm) {
  return mean(list(times(a, group, arm)));
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
    if (const auto mean = figures::mean(values); !best || mean < best_mean) {
      best = arm;
      best_mean = mean;
    }
  }
  return best;
}

/// Why a version that counts as useful in (d) need not be.
std::optional<std::string> useful_to_nobody(const Analysis& a, std::size_t group) {
  const auto& study = a.study();
  for (const auto* cell : study.cells_of(group, study.reference))
    if (const auto* f = a.figures(*cell))
      if (const auto* metric = utility_of(f->late, study.statistics))
        if (auto why = no_better_than_constant(a, group, *metric)) return why;
  return std::nullopt;
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
    if (!unfit.empty()) {
      if (auto nobody = useful_to_nobody(a, group)) return Verdict{Outcome::open, *nobody};
      return Verdict{Outcome::fails,
                     fmt::format("in {} of {} no published version is erased and useful and stays so, {} "
                                 "the first",
                                 unfit.size(), completed, unfit.front()->folder)};
    }
  } else if (const auto all = list(times(a, group, arm));
             !all.empty() && std::all_of(all.begin(), all.end(), [](double t) { return t == 0; })) {
    return Verdict{Outcome::open,
                   "it publishes at the request itself, so that its time is 0 by construction, and nothing "
                   "was trained that could tell whether that model is erased"};
  }
  return std::nullopt;
}

}  // namespace

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
    else
      obstacle = useful_to_nobody(a, group);
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
  const auto e = estimate(lead, study.statistics.confidence);
  const double mine = mean(p.a), theirs = mean(p.b);
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
}  // namespace afu::figures
