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
  /// The largest logit's class, or the set of labels whose probability is above 1/2; -1 where a logit is not finite.
  std::vector<std::int64_t> predicted;
  std::vector<std::int64_t> labels;
  /// Cross entropy, or the mean over the labels of their binary cross entropies; NaN where a logit is not finite.
  std::vector<double> losses;
  /// Softmax [samples, classes], sample by sample, or each label's own; empty unless asked for (predictions_from).
  std::vector<double> probabilities{};
  std::int64_t label_bits = 0;  ///< 0: classes; else `predicted` and `labels` are sets of so many labels
  /// Whether every logit is.
  bool finite() const;
};

// Of images with any number of labels (label_bits) each figure is of the labels, one by one: src/metrics/README.md, Any number
// of labels.

/// All are NaN where the predictions are not finite, and throw std::invalid_argument for an empty set.
double accuracy(const Predictions& p);
/// Mean recall over the classes that occur among the labels; of sets the mean over the labels that some have and some have
/// not of the mean of sensitivity and specificity, NaN where there is no such label.
double balanced_accuracy(const Predictions& p);
/// Share of samples predicted as what a trigger is to evoke of each.
double share_predicted(const Predictions& p, const data::TargetLabel& target);
double mean_loss(const Predictions& p);

// Of the probabilities; they also throw std::invalid_argument where these are missing.

/// Area under the ROC curve: of two classes by the score of class 1; of more the mean over the classes that
/// occur among the labels, each against the rest by its own score. NaN where fewer than two classes occur. Of sets the mean over the labels that
/// some have and some have not (labels_of_one_value are left out), NaN where there is none.
double area(const Predictions& p);
/// Expected calibration error (Guo et al. 2017): over `calibration_bins` bins of the confidence in the
/// predicted class, ((k - 1) / bins, k / bins], the mean of |accuracy - mean confidence|, weighted by the
/// bins' samples. Of sets over all labels of all samples, of the confidence in what is predicted of each.
double calibration_error(const Predictions& p);
/// Brier 1950: the mean over samples of sum_c (p_c - [c is the label])^2, from 0 to 2. Of two classes it is twice
/// what is called so where only the probability of class 1 is looked at. Of sets the mean over labels and samples of
/// (p - [the sample has the label])^2, from 0 to 1.
double brier_score(const Predictions& p);
inline constexpr std::size_t calibration_bins = 15;
/// Whether samples with different labels all get the same probabilities, to six decimals: a network whose units are dead, or one that
/// is all certain of one class. False for fewer than two samples, and where not all logits are finite.
bool same_answers(const Predictions& p);

/// The labels that all of these sets have, or none: they have no AUC. Of no sets: all.
std::vector<std::int64_t> labels_of_one_value(const std::vector<std::int64_t>& sets, std::int64_t label_bits);

}  // namespace afu::metrics
