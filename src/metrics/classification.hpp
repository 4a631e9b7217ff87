#pragma once
/// Figures of a classifier's predictions (METHODS 7.1, 7.2). Of a model that answered with a logit that is
/// not finite they are not numbers either: it did not answer, which is something else than a wrong answer.
#include <cstdint>
#include <vector>

namespace afu::metrics {

/// What a model says about a set of samples, in their order.
struct Predictions {
  std::vector<std::int64_t> predicted;  ///< the largest logit's class; -1 where a logit is not finite
  std::vector<std::int64_t> labels;
  std::vector<double> losses;  ///< cross entropy; NaN where a logit is not finite
  /// Whether every logit is.
  bool finite() const;
};

/// All are NaN where the predictions are not finite, and throw std::invalid_argument for an empty set.
double accuracy(const Predictions& p);
/// Mean recall over the classes that occur among the labels.
double balanced_accuracy(const Predictions& p);
/// Share of samples predicted as `label`.
double share_predicted(const Predictions& p, std::int64_t label);
double mean_loss(const Predictions& p);

}  // namespace afu::metrics
