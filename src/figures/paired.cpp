#include "figures/paired.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>

namespace afu::figures {

namespace {

std::vector<double> differences(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) throw std::invalid_argument("a paired test needs samples of the same length");
  std::vector<double> d(a.size());
  std::transform(a.begin(), a.end(), b.begin(), d.begin(), std::minus<>());
  return d;
}

/// (mean - against) over its standard error; infinite, or 0, where that is 0.
double t_statistic(const Estimate& e, double against) {
  const double distance = e.mean - against;
  if (distance == 0) return 0;
  return e.sd == 0 ? std::copysign(std::numeric_limits<double>::infinity(), distance)
                   : distance / (e.sd / std::sqrt(static_cast<double>(e.n)));
}

/// P(T > t), of either sign.
double upper(double t, double df) {
  const double tail = t_upper_tail(t, df);
  return t >= 0 ? tail : 1 - tail;
}

}  // namespace

Paired paired_t_test(const std::vector<double>& a, const std::vector<double>& b, double confidence) {
  Paired out;
  out.difference = estimate(differences(a, b), confidence);
  const auto& d = out.difference;
  if (d.n < 2) return out;
  out.t = t_statistic(d, 0);
  out.p = std::min(1.0, 2 * t_upper_tail(*out.t, static_cast<double>(d.n - 1)));
  if (d.sd > 0) out.d_z = d.mean / d.sd;
  return out;
}

std::vector<double> holm(const std::vector<double>& p) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](auto i, auto j) { return p[i] < p[j]; });
  std::vector<double> adjusted(p.size());
  double largest = 0;
  for (std::size_t k = 0; k < order.size(); ++k) {
    largest = std::max(largest, std::min(1.0, static_cast<double>(order.size() - k) * p[order[k]]));
    adjusted[order[k]] = largest;
  }
  return adjusted;
}

std::optional<Equivalence> tost(const std::vector<double>& a, const std::vector<double>& b, double margin,
                                double alpha) {
  if (!(margin > 0)) throw std::invalid_argument("a margin of equivalence is larger than 0");
  const auto e = estimate(differences(a, b), 1 - 2 * alpha);
  if (!e.interval) return std::nullopt;
  const double df = static_cast<double>(e.n - 1);
  Equivalence out;
  out.interval = *e.interval;
  out.p = std::max(upper(t_statistic(e, -margin), df), upper(-t_statistic(e, margin), df));
  using Outcome = Equivalence::Outcome;
  if (-margin < out.interval.low && out.interval.high < margin)
    out.outcome = Outcome::equivalent;
  else if (out.interval.low >= margin || out.interval.high <= -margin)
    out.outcome = Outcome::different;
  return out;
}

}  // namespace afu::figures
