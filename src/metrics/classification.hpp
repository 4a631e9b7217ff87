#pragma once
/// Figures of a classifier's predictions (src/metrics/README.md, Classification). Of a model that answered
/// with a logit that is not finite they are not numbers either: it did not answer, which is something else
/// than a wrong answer.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "data/target_label.hpp"

namespace afu::metrics {

/// What a model says about a set of samples, in their order.
struct Predictions {
  std::vector<std::int64_t> predicted;  ///< the largest logit's class; -1 where a logit is not finite
  std::vector<std::int64_t> labels;
  std::vector<double> losses;  ///< cross entropy; NaN where a logit is not finite
  /// Softmax [samples, classes], sample by sample; empty unless asked for (predictions_from).
  std::vector<double> probabilities{};
  /// Whether every logit is.
  bool finite() const;
};

/// All are NaN where the predictions are not finite, and throw std::invalid_argument for an empty set.
double accuracy(const Predictions& p);
/// Mean recall over the classes that occur among the labels.
double balanced_accuracy(const Predictions& p);
/// Share of samples predicted as what a trigger is to evoke of each.
double share_predicted(const Predictions& p, const data::TargetLabel& target);
double mean_loss(const Predictions& p);

// Of the probabilities; they also throw std::invalid_argument where these are missing.

/// Area under the ROC curve: of two classes by the score of class 1; of more the mean over the classes that
/// occur among the labels, each against the rest by its own score. NaN where fewer than two classes occur.
double area(const Predictions& p);
/// Expected calibration error (Guo et al. 2017): over `calibration_bins` bins of the confidence in the
/// predicted class, ((k - 1) / bins, k / bins], the mean of |accuracy - mean confidence|, weighted by the
/// bins' samples.
double calibration_error(const Predictions& p);
/// Brier 1950: the mean over samples of sum_c (p_c - [c is the label])^2, from 0 to 2. Of two classes it is twice
/// what is called so where only the probability of class 1 is looked at.
double brier_score(const Predictions& p);
inline constexpr std::size_t calibration_bins = 15;

}  // namespace afu::metrics
