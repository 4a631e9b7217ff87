#include "figures/rebound.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace afu::figures {

namespace {

constexpr std::size_t window = 5;        ///< rounds a mean is taken over
constexpr std::size_t slope_begins = 5;  ///< the first round that the slope looks at

struct Point {
  double updates, value;
};

/// From 0+ on, with rising counts of updates.
std::vector<Point> points_of(const std::vector<record::MetricsRow>& rows, double erased_at,
                             const Metric& metric) {
  std::vector<Point> out;
  bool lost = false;  // 0+ lacks the metric, unless another row of that moment follows
  for (const auto& row : rows) {
    const auto& m = row.*metric.row;
    if (row.time < erased_at) continue;
    const bool absent = !m || !std::isfinite(*m);
    if (row.time == erased_at) {
      lost = absent;
      out.clear();
      if (absent) continue;
    } else if (absent || lost) {
      break;
    }
    const Point point{static_cast<double>(row.updates), *m};
    if (out.empty() || out.back().updates < point.updates)
      out.push_back(point);
    else if (point.updates < out.back().updates)
      break;                  // the counter began again: a later erasure restarted the training
    else if (out.size() > 1)  // 0+ itself stays what the erasure gave
      out.back() = point;
  }
  return out;
}

double mean_of(const RoundCurve& c, std::size_t first, std::size_t last) {
  const auto begin = c.begin() + static_cast<std::ptrdiff_t>(first);
  const auto end = c.begin() + static_cast<std::ptrdiff_t>(last) + 1;
  return std::accumulate(begin, end, 0.0) / static_cast<double>(end - begin);
}

std::optional<double> largest(const RoundCurve& c, std::size_t first, std::size_t last) {
  if (c.size() <= last || first > last) return std::nullopt;
  return *std::max_element(c.begin() + static_cast<std::ptrdiff_t>(first),
                           c.begin() + static_cast<std::ptrdiff_t>(last) + 1);
}

/// The largest mean over `window` rounds in a row within [first, last] (over all of them where there are
/// fewer).
std::optional<double> largest_mean(const RoundCurve& c, std::size_t first, std::size_t last) {
  if (first > last || c.size() <= last) return std::nullopt;
  const auto length = std::min(window, last - first + 1);
  double best = -std::numeric_limits<double>::infinity();
  for (auto t = first; t + length - 1 <= last; ++t) best = std::max(best, mean_of(c, t, t + length - 1));
  return best;
}

std::optional<double> slope_of(const RoundCurve& c, std::size_t first, std::size_t last) {
  if (c.size() <= last || first >= last) return std::nullopt;
  const double centre = static_cast<double>(first + last) / 2, mean = mean_of(c, first, last);
  double above = 0, below = 0;
  for (auto t = first; t <= last; ++t) {
    const double x = static_cast<double>(t) - centre;
    above += x * (c[t] - mean);
    below += x * x;
  }
  return above / below;
}

}  // namespace

RoundCurve round_curve(const std::vector<record::MetricsRow>& rows, double erased_at, const Metric& metric,
                       const ReboundPlan& plan) {
  const auto points = points_of(rows, erased_at, metric);
  RoundCurve out;
  if (points.empty()) return out;
  std::size_t i = 0;
  for (std::size_t t = 0; t <= plan.rounds + plan.tail_rounds; ++t) {
    const double at = points.front().updates + static_cast<double>(t * plan.round_updates);
    while (i + 1 < points.size() && points[i + 1].updates <= at) ++i;
    double value = points[i].value;
    if (points[i].updates < at) {
      if (i + 1 == points.size()) break;
      const double share = (at - points[i].updates) / (points[i + 1].updates - points[i].updates);
      value += share * (points[i + 1].value - value);
    }
    if (!std::isfinite(value)) break;
    out.push_back(value);
  }
  return out;
}

std::optional<double> settled_of(const RoundCurve& curve, const ReboundPlan& plan) {
  if (curve.size() <= plan.rounds || plan.rounds == 0) return std::nullopt;
  return mean_of(curve, plan.rounds > window ? plan.rounds - window + 1 : 1, plan.rounds);
}

Rebound rebound_of(const RoundCurve& curve, std::optional<double> original, const ReboundPlan& plan) {
  Rebound r;
  if (curve.empty()) return r;
  const double start = curve.front();
  const auto relative = [&](std::optional<double> v) { return v ? std::optional(*v - start) : v; };
  r.max = relative(largest(curve, 1, plan.rounds));
  r.end = relative(settled_of(curve, plan));
  if (plan.tail_rounds > 0)
    r.tail = relative(largest(curve, plan.rounds + 1, plan.rounds + plan.tail_rounds));
  r.slope = slope_of(curve, slope_begins, plan.rounds);
  if (original && *original > start)
    for (std::size_t t = 1; t < curve.size() && !r.half; ++t)
      if (curve[t] >= (*original + start) / 2) r.half = static_cast<double>(t);
  return r;
}

std::vector<Block> blocks_of(std::size_t rounds) {
  std::vector<Block> out;
  for (std::size_t t = 1; t <= rounds; t += block_rounds)
    if (out.empty() || t + block_rounds - 1 <= rounds)
      out.push_back({t, std::min(t + block_rounds - 1, rounds)});
  if (!out.empty()) out.back().last = rounds;
  return out;
}

Excess excess_of(const RoundCurve& curve, const RoundCurve& reference, const ReboundPlan& plan) {
  Excess e;
  const auto n = std::min(curve.size(), reference.size());
  for (std::size_t t = 0; t < n; ++t) e.curve.push_back(curve[t] - reference[t]);
  if (n < 2) return e;
  e.rounds = n - 1;
  if (e.rounds >= plan.rounds) {
    double sum = 0;
    for (std::size_t t = 1; t <= plan.rounds; ++t) sum += std::max(0.0, e.curve[t]);
    e.area = sum / static_cast<double>(plan.rounds);
  }
  e.peak = largest_mean(e.curve, 1, e.rounds);
  for (const auto& b : blocks_of(e.rounds)) e.blocks.push_back(mean_of(e.curve, b.first, b.last));
  if (plan.tail_rounds > 0) e.tail = largest_mean(e.curve, plan.rounds + 1, plan.rounds + plan.tail_rounds);
  return e;
}

}  // namespace afu::figures
