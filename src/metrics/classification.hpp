#pragma once
/// Figures of a classifier's predictions (METHODS 7.1, 7.2).
#include <cstdint>
#include <vector>

namespace afu::metrics {

/// What a model says about a set of samples, in their order.
struct Predictions {
  std::vector<std::int64_t> predicted;  ///< the largest logit's class; -1 where a logit is not a number
  std::vector<std::int64_t> labels;
  std::vector<double> losses;  ///< cross entropy; +infinity where it is not a number
};

/// All throw std::invalid_argument for an empty set.
double accuracy(const Predictions& p);
/// Mean recall over the classes that occur among the labels.
double balanced_accuracy(const Predictions& p);
/// Share of samples predicted as `label`.
double share_predicted(const Predictions& p, std::int64_t label);
double mean_loss(const Predictions& p);

}  // namespace afu::metrics
