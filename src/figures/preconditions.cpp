#include "figures/preconditions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "figures/constant_classifier.hpp"
#include "figures/figure_text.hpp"

namespace afu::figures {

namespace {

const Metric& attack() { return *find_metric("attack_success_rate"); }

/// The lesser of rise and excess, each the mean over rounds `first` to `last`; absent where a curve is
/// shorter.
std::optional<double> rise_of(const CellFigures& f, std::size_t first, std::size_t last) {
  if (first > last || f.curve.size() <= last || f.excess.curve.size() <= last) return std::nullopt;
  double rise = 0, excess = 0;
  for (auto t = first; t <= last; ++t) {
    rise += f.curve[t] - f.curve.front();
    excess += f.excess.curve[t];
  }
  return std::min(rise, excess) / static_cast<double>(last - first + 1);
}

bool erased_everywhere(const Analysis& a, std::size_t group, std::size_t arm) {
  std::size_t erased = 0;
  for (const auto* cell : a.study().cells_of(group, arm))
    if (const auto* f = a.figures(*cell)) {
      if (!f->erased || cell->run->summary.method == "none") return false;
      ++erased;
    }
  return erased > 0;
}

}  // namespace

std::optional<std::string> without_spread(const std::vector<double>& values, double alpha) {
  if (values.size() < 2) return std::nullopt;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  if (*high - *low > 1e-12 * std::max(std::abs(*low), std::abs(*high))) return std::nullopt;
  const double p = std::pow(0.5, static_cast<double>(values.size()));
  if (p < alpha) return std::nullopt;
  return fmt::format("the same in each of {} seeds, which is no proof (sign test p = {:.3f})", values.size(),
                     p);
}

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

std::optional<std::string> unseen_membership(const Analysis& a, std::size_t group, std::size_t arm) {
  const auto of = [](const Cell& c) { return c.run->summary.before_erasure.mia_auc; };
  const auto unknown =
      a.lacking(group, arm, [&](const Cell& c, const CellFigures&) { return of(c).has_value(); });
  if (!unknown.empty()) return "before the erasure it is not known in " + unknown.front()->folder;
  const auto before = list(a.values(group, arm, [&](const Cell& c, const CellFigures&) { return of(c); }));
  if (before.size() < fewest_pairs) return "before the erasure it is known in too few seeds";
  const auto e = estimate(before, 2 * a.study().statistics.confidence - 1);
  if (e.interval->low >= visible_membership) return std::nullopt;
  return fmt::format("before the erasure {:.3f} [{:.3f}, {:.3f}], at least {:.3f} are needed", e.mean,
                     e.interval->low, e.interval->high, visible_membership);
}

std::optional<std::string> unseen_forget_set(const Analysis& a, std::size_t group, std::size_t arm) {
  const auto& metric = *find_metric("forget_accuracy");
  const auto& study = a.study();
  const auto of = [](const Cell& c) { return c.run->summary.before_erasure.forget_accuracy; };
  const auto unknown =
      a.lacking(group, arm, [&](const Cell& c, const CellFigures&) { return of(c).has_value(); });
  if (!unknown.empty()) return "before the erasure it is not known in " + unknown.front()->folder;
  const auto p = pairs(a.values(group, arm, [&](const Cell& c, const CellFigures&) { return of(c); }),
                       a.values(group, study.reference, metric));
  if (p.a.size() < fewest_pairs) return "before the erasure it is known in too few seeds";
  std::vector<double> leads;
  for (std::size_t i = 0; i < p.a.size(); ++i) leads.push_back(p.a[i] - p.b[i]);
  const auto e = estimate(leads, 2 * study.statistics.confidence - 1);
  const double margin = study.statistics.margin(metric.name).value_or(0);
  if (e.interval->low > margin) return std::nullopt;
  return fmt::format("before the erasure it was {} {} above {}'s, more than {} is needed",
                     difference_text(metric, e.mean), interval_text(metric, *e.interval),
                     study.arms[study.reference].name, margin_text(metric, margin));
}

std::optional<std::string> no_better_than_constant(const Analysis& a, std::size_t group, const Metric& of) {
  const bool calibration = &of == find_metric("calibration_error") || &of == find_metric("brier_score");
  const auto& metric = calibration ? *find_metric("test_auc") : of;
  if (!has_constant_score(metric)) return std::nullopt;
  const auto& study = a.study();
  const auto& name = study.arms[study.reference].name;
  const char* const claimed = "nothing is claimed about fidelity";
  const auto constant = [&](const Cell& c) { return constant_score(metric, c.run->summary); };
  const auto silent = a.lacking(group, study.reference,
                                [&](const Cell& c, const CellFigures&) { return constant(c).has_value(); });
  if (!silent.empty())
    return fmt::format(
        "whether {}'s {} is above a constant classifier's cannot be told, since the summary of {} does not "
        "tell the classes of the set: {}",
        name, metric.title, silent.front()->folder, claimed);
  const auto given = study.statistics.margins.find(metric.name);
  const double margin = given == study.statistics.margins.end() ? 0 : given->second;
  const bool less_is_better = metric.quantity == Quantity::loss;
  for (const auto moment : {Moment::first, Moment::settled, Moment::late}) {
    std::vector<double> figures, constants, leads;
    for (const auto* cell : study.cells_of(group, study.reference))
      if (const auto* f = a.figures(*cell))
        if (const auto v = figures_at(*f, moment).*metric.figure) {
          figures.push_back(*v);
          constants.push_back(*constant(*cell));
          leads.push_back((less_is_better ? -1 : 1) * (figures.back() - constants.back()));
        }
    const auto when = moment_text(moment, study.rebound);
    if (leads.size() < fewest_pairs)
      return fmt::format("{}'s {} {} is known in too few seeds: {}", name, metric.title, when, claimed);
    const auto e = estimate(leads, 2 * study.statistics.confidence - 1);
    if (e.interval->low > margin) continue;
    return fmt::format(
        "{}'s {} {} {} is not clearly {} a constant classifier's {} (it leads by {} {}, more than {} is "
        "needed): {}",
        name, metric.title, when, value_text(metric, mean(figures)), less_is_better ? "below" : "above",
        value_text(metric, mean(constants)), difference_text(metric, e.mean),
        interval_text(metric, *e.interval), margin_text(metric, margin), claimed);
  }
  return std::nullopt;
}

std::optional<std::string> without_power(const Analysis& a, std::size_t group, std::size_t arm,
                                         const Metric& metric) {
  if (&metric == &attack()) return weak_attack(a, group, arm);
  if (&metric == find_metric("mia_auc")) return unseen_membership(a, group, arm);
  if (&metric == find_metric("forget_accuracy")) return unseen_forget_set(a, group, arm);
  return no_better_than_constant(a, group, metric);
}

VisibleRebound visible_rebound_of(const Analysis& a, std::size_t group) {
  std::vector<std::size_t> controls;
  for (std::size_t arm = 0; arm < a.study().arms.size(); ++arm)
    if (a.study().arms[arm].role == Arm::Role::control) controls.push_back(arm);
  return visible_rebound_of(a, group, controls);
}

VisibleRebound visible_rebound_of(const Analysis& a, std::size_t group,
                                  const std::vector<std::size_t>& arms) {
  const auto& study = a.study();
  const auto& plan = study.rebound;
  struct Window {
    std::size_t first, last;
  };
  std::vector<Window> windows{{1, plan.rounds}};
  if (plan.tail_rounds > 0) windows.push_back({plan.rounds + 1, plan.rounds + plan.tail_rounds});
  const double alpha = 1 - study.statistics.confidence;
  const double each = alpha / static_cast<double>(windows.size());
  VisibleRebound out;
  std::optional<double> most;
  std::string nearest;
  for (const auto arm : arms) {
    if (!erased_everywhere(a, group, arm)) continue;
    for (const auto& w : windows) {
      const auto rises = list(a.values(
          group, arm, [&](const Cell&, const CellFigures& f) { return rise_of(f, w.first, w.last); }));
      if (rises.size() < fewest_pairs) continue;
      const auto e = estimate(rises, 1 - 2 * each);
      const bool seen = e.mean >= visible_rebound && e.interval->low > 0 && !without_spread(rises, alpha);
      if (!seen && most && e.mean <= *most) continue;
      out.arm = arm;
      if (seen) {
        out.obstacle.reset();
        return out;
      }
      most = e.mean;
      nearest = fmt::format("{} {} in rounds {} to {} ({})", difference_text(attack(), e.mean),
                            interval_text(attack(), *e.interval), w.first, w.last, study.arms[arm].name);
    }
  }
  out.obstacle =
      most ? fmt::format(
                 "no control arm rebounded after its erasure: the most is {}, at least {} with the interval "
                 "above 0 are needed",
                 nearest, difference_text(attack(), visible_rebound))
           : fmt::format("no control arm that erased shows, in {} seeds or more, what a rebound looks like",
                         fewest_pairs);
  return out;
}

}  // namespace afu::figures
