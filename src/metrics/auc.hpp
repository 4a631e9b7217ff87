#pragma once
/// Area under the ROC curve.
#include <vector>

namespace afu::metrics {

/// Probability that a random positive scores higher than a random negative, ties counted half (the
/// Mann-Whitney statistic, by ranks). NaN where a score is: what cannot be ordered has no area. Throws
/// std::invalid_argument when either list is empty.
double auc(const std::vector<double>& positives, const std::vector<double>& negatives);

}  // namespace afu::metrics
