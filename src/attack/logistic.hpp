#pragma once
/// Logistic regression on one feature, as attacks use it.
#include <vector>

namespace afu::attack {

/// P(member) = 1 / (1 + exp(-(slope * x + offset))).
struct Logistic {
  double slope = 0, offset = 0;
  double operator()(double x) const;  ///< the probability
};

/// The classes weigh the same, whatever their sizes; the standardised feature's weight is decayed as
/// scikit-learn does with C = 1. Newton's method with halved steps, to convergence. NaN where a value is.
/// Throws std::invalid_argument where a list is empty or a value is infinite.
Logistic fit_logistic(const std::vector<double>& members, const std::vector<double>& non_members);

}  // namespace afu::attack
