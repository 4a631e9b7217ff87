#pragma once
/// Means, proportions and their intervals (src/metrics/README.md, Across seeds). Pure; the distributions are
/// Boost.Math's.
#include <cstddef>
#include <optional>
#include <vector>

namespace afu::figures {

struct Interval {
  double low = 0, high = 0;
};

/// The p-quantile of Student's t with `df` > 0 degrees of freedom, 0 < p < 1. Throws std::domain_error.
double t_quantile(double p, double df);
/// P(T > |t|) of Student's t; 0 where t is infinite. Throws std::domain_error.
double t_upper_tail(double t, double df);

/// 0 for no values: ask for the size first.
double mean(const std::vector<double>& values);
/// The sample's (n - 1 in the denominator); 0 for fewer than two values.
double standard_deviation(const std::vector<double>& values);

/// What a sample of seeds says about its mean.
struct Estimate {
  std::size_t n = 0;
  double mean = 0, sd = 0;
  /// mean -+ t_{(1 + confidence)/2, n-1} sd / sqrt(n); absent for fewer than two values.
  std::optional<Interval> interval;
};
/// 0 < `confidence` < 1, else std::domain_error. All `values` must be finite, else std::invalid_argument: a
/// seed that diverged may not vanish in a mean.
Estimate estimate(const std::vector<double>& values, double confidence);

/// Wilson's score interval of a proportion: `successes` of `trials` > 0. Throws std::invalid_argument.
Interval wilson(std::size_t successes, std::size_t trials, double confidence);

}  // namespace afu::figures
