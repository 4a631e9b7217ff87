#pragma once
/// Comparisons of two methods over the same seeds (src/metrics/README.md, Across seeds).
#include <cstddef>
#include <optional>
#include <vector>

#include "figures/interval.hpp"

namespace afu::figures {

/// Of the differences D_i = a_i - b_i, i a seed.
struct Paired {
  Estimate difference;
  std::optional<double> t, p;  ///< two-sided, n - 1 degrees of freedom; absent for fewer than two pairs
  std::optional<double> d_z;   ///< Cohen's: mean D / sd D; absent also where sd D is 0
};
/// Where all differences are the same the variance is 0: p is 1 if they are 0, else 0 (and t infinite).
/// Throws std::invalid_argument for samples of different length, and as `estimate`.
Paired paired_t_test(const std::vector<double>& a, const std::vector<double>& b, double confidence);

/// Holm's step-down adjustment of a family of p-values, in their order: adjusted p_(k) = max over j <= k of
/// min(1, (m - j + 1) p_(j)), with p_(1) <= ... <= p_(m).
std::vector<double> holm(const std::vector<double>& p);

/// Two one-sided t-tests of |mean D| < margin.
struct Equivalence {
  enum class Outcome {
    equivalent,  ///< the interval lies inside (-margin, margin)
    different,   ///< it lies outside altogether
    open         ///< it reaches across a margin: these pairs cannot tell
  };
  Outcome outcome = Outcome::open;
  Interval interval;  ///< of the mean difference at confidence 1 - 2 alpha: 90 % for alpha = 0.05
  double p = 1;       ///< the larger of the two
};
/// 0 < `alpha` < 0.5, `margin` > 0. Absent for fewer than two pairs. Throws as `paired_t_test`.
std::optional<Equivalence> tost(const std::vector<double>& a, const std::vector<double>& b, double margin,
                                double alpha);

}  // namespace afu::figures
