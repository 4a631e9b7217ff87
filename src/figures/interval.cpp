#include "figures/interval.hpp"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <numeric>
#include <stdexcept>

namespace afu::figures {

namespace {

void check_confidence(double confidence) {
  if (!(confidence > 0 && confidence < 1)) throw std::domain_error("a confidence lies between 0 and 1");
}

}  // namespace

double t_quantile(double p, double df) {
  return boost::math::quantile(boost::math::students_t_distribution<double>(df), p);
}

double t_upper_tail(double t, double df) {
  const boost::math::students_t_distribution<double> distribution(df);
  if (std::isinf(t)) return 0;
  return boost::math::cdf(boost::math::complement(distribution, std::abs(t)));
}

double mean(const std::vector<double>& values) {
  if (values.empty()) return 0;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double standard_deviation(const std::vector<double>& values) {
  if (values.size() < 2) return 0;
  // Equal values would else be left with what rounding makes of their mean.
  if (std::all_of(values.begin(), values.end(), [&](double v) { return v == values.front(); })) return 0;
  const double m = mean(values);
  double squares = 0;
  for (double v : values) squares += (v - m) * (v - m);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

Estimate estimate(const std::vector<double>& values, double confidence) {
  check_confidence(confidence);
  if (!std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); }))
    throw std::invalid_argument("an estimate needs finite values");
  Estimate e{values.size(), mean(values), standard_deviation(values), std::nullopt};
  if (e.n < 2) return e;
  const double n = static_cast<double>(e.n);
  const double half = t_quantile((1 + confidence) / 2, n - 1) * e.sd / std::sqrt(n);
  e.interval = Interval{e.mean - half, e.mean + half};
  return e;
}

Interval wilson(std::size_t successes, std::size_t trials, double confidence) {
  check_confidence(confidence);
  if (trials == 0 || successes > trials)
    throw std::invalid_argument("a proportion needs 0 <= successes <= trials, trials > 0");
  const double z = boost::math::quantile(boost::math::normal_distribution<double>(), (1 + confidence) / 2);
  const double n = static_cast<double>(trials), p = static_cast<double>(successes) / n;
  const double centre = p + z * z / (2 * n);
  const double half = z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  const double scale = 1 + z * z / n;
  return {std::max(0.0, (centre - half) / scale), std::min(1.0, (centre + half) / scale)};
}

}  // namespace afu::figures
