#include "attack/separation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "metrics/auc.hpp"

namespace afu::attack {
namespace {

/// Share of `sorted` below `s`, equals counted half.
double placement(const Scores& sorted, double s) {
  const auto [low, high] = std::equal_range(sorted.begin(), sorted.end(), s);
  const auto below = static_cast<double>(low - sorted.begin()), equal = static_cast<double>(high - low);
  return (below + equal / 2) / static_cast<double>(sorted.size());
}

/// Variance of the mean of the scores' placements among `others`; NaN of a single one, which does not tell.
double placement_variance(const Scores& scores, const Scores& others) {
  const auto n = static_cast<double>(scores.size());
  if (n < 2) return std::numeric_limits<double>::quiet_NaN();
  double sum = 0, squares = 0;
  for (double s : scores) {
    const double p = placement(others, s);
    sum += p, squares += p * p;
  }
  return std::max(0.0, (squares - sum * sum / n) / (n - 1)) / n;
}

/// Threshold -> balanced accuracy, for every threshold between two different scores and beyond them all.
template <class Visit>
void for_each_threshold(const Scores& members, const Scores& non_members, Visit visit) {
  std::vector<std::pair<double, bool>> all;
  for (double s : members) all.emplace_back(s, true);
  for (double s : non_members) all.emplace_back(s, false);
  std::sort(all.begin(), all.end());
  double above = 1, below = 0;  // the members' share at or above, the non-members' share below
  visit(-std::numeric_limits<double>::infinity(), (above + below) / 2);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].second)
      above -= 1.0 / static_cast<double>(members.size());
    else
      below += 1.0 / static_cast<double>(non_members.size());
    if (i + 1 == all.size() || all[i + 1].first == all[i].first) continue;
    const double a = all[i].first, b = all[i + 1].first, middle = a + (b - a) / 2;
    visit(std::isfinite(middle) && middle > a ? middle : b, (above + below) / 2);
  }
}

void check(const Scores& members, const Scores& non_members) {
  if (members.empty() || non_members.empty())
    throw std::invalid_argument("an attack needs at least one member and one non-member");
}

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

bool any_nan(const Scores& members, const Scores& non_members) {
  const auto none = [](double s) { return std::isnan(s); };
  return std::any_of(members.begin(), members.end(), none) ||
         std::any_of(non_members.begin(), non_members.end(), none);
}

}  // namespace

bool Separation::holds(double value) const { return std::abs(auc - value) <= 1.96 * auc_error; }

Separation separate(const Scores& members, const Scores& non_members) {
  Separation s;
  s.auc = metrics::auc(members, non_members);  // also checks that there are scores
  if (any_nan(members, non_members)) {
    s.auc_error = s.tpr_at_1pct = s.tpr_at_01pct = nan;
    return s;
  }
  auto m = members, n = non_members;
  std::sort(m.begin(), m.end());
  std::sort(n.begin(), n.end());
  s.auc_error = std::sqrt(placement_variance(m, n) + placement_variance(n, m));
  s.tpr_at_1pct = tpr_at_fpr(m, n, 0.01);
  s.tpr_at_01pct = tpr_at_fpr(m, n, 0.001);
  return s;
}

double tpr_at_fpr(const Scores& members, const Scores& non_members, double fpr) {
  check(members, non_members);
  if (any_nan(members, non_members)) return nan;
  auto n = non_members;
  std::sort(n.begin(), n.end(), std::greater<>());
  // A threshold just above the (k + 1)-th largest lets k non-members through at most.
  const auto k = static_cast<std::size_t>(fpr * static_cast<double>(n.size()) + 1e-9);
  if (k >= n.size()) return 1;
  const auto found = std::count_if(members.begin(), members.end(), [&](double s) { return s > n[k]; });
  return static_cast<double>(found) / static_cast<double>(members.size());
}

double balanced_accuracy_at(const Scores& members, const Scores& non_members, double threshold) {
  check(members, non_members);
  if (any_nan(members, non_members) || std::isnan(threshold)) return nan;
  const auto above = [&](const Scores& scores) {
    const auto n = std::count_if(scores.begin(), scores.end(), [&](double s) { return s >= threshold; });
    return static_cast<double>(n) / static_cast<double>(scores.size());
  };
  return (above(members) + 1 - above(non_members)) / 2;
}

double best_threshold(const Scores& members, const Scores& non_members) {
  check(members, non_members);
  if (any_nan(members, non_members)) return nan;
  double best = -1, at = 0;
  for_each_threshold(members, non_members, [&](double threshold, double accuracy) {
    if (accuracy > best + 1e-12) best = accuracy, at = threshold;
  });
  return at;
}

double accuracy_by_halves(const Scores& members, const Scores& non_members, const base::StreamKey& key) {
  if (members.size() < 2 || non_members.size() < 2)
    throw std::invalid_argument("halves need at least two members and two non-members");
  base::Stream stream(key);
  auto m = members, n = non_members;
  base::shuffle(m, stream);
  base::shuffle(n, stream);
  const auto half = [](const Scores& s, bool second) {
    const auto middle = s.begin() + static_cast<std::ptrdiff_t>(s.size() / 2);
    return second ? Scores(middle, s.end()) : Scores(s.begin(), middle);
  };
  double sum = 0;
  for (bool second : {false, true})
    sum += balanced_accuracy_at(half(m, !second), half(n, !second),
                                best_threshold(half(m, second), half(n, second)));
  return sum / 2;
}

void report(Figures& figures, const std::string& name, const Separation& s) {
  figures[name + ".auc"] = s.auc;
  figures[name + ".auc_error"] = s.auc_error;
  figures[name + ".tpr_at_1pct"] = s.tpr_at_1pct;
  figures[name + ".tpr_at_0.1pct"] = s.tpr_at_01pct;
}

}  // namespace afu::attack
