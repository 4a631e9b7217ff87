#pragma once
/// What a model answers to a set of samples, and the scores that attacks read off it (src/attack/README.md,
/// Scores).
#include <cstdint>
#include <vector>

#include "attack/separation.hpp"
#include "data/target_label.hpp"

namespace afu::attack {

/// Probabilities [N, classes], row by row, with the true labels. A model that diverged answers with numbers
/// that are none: such a row's probabilities are NaN, it is predicted as -1, and every figure that it enters
/// is NaN: no answer is not the answer of a model that forgot.
struct Answers {
  std::int64_t classes = 0;
  std::vector<double> probabilities;
  std::vector<std::int64_t> labels, predicted;
  std::int64_t label_bits =
      0;  ///< 0: classes; else probabilities are each label's own, labels and predicted sets
  std::size_t size() const { return labels.size(); }
  bool finite() const;  ///< no row is such a one
  double of(std::size_t row, std::int64_t label) const {
    return probabilities[row * static_cast<std::size_t>(classes) + static_cast<std::size_t>(label)];
  }
};

/// From logits [N, classes]; with `label_bits` the labels are sets of so many (data/label_set.hpp), and so are the logits. Throws
/// std::invalid_argument where sizes or labels do not fit.
Answers from_logits(const std::vector<double>& logits, std::int64_t classes,
                    const std::vector<std::int64_t>& labels, std::int64_t label_bits = 0);

/// Scores, one a row; a member is to score higher. NaN for a row that is not finite. Of sets of labels each is the mean over the
/// labels of what it is for the two classes, label or not; the confidence is their geometric mean, so that its logarithm is
/// still minus the loss.
Scores negative_loss(const Answers& a);     ///< log p_y
Scores confidence(const Answers& a);        ///< p_y
Scores negative_entropy(const Answers& a);  ///< sum p log p
/// (1 - p_y) log p_y + sum over the others of p log(1 - p): minus the modified entropy (Song and Mittal
/// 2021).
Scores negative_modified_entropy(const Answers& a);

/// NaN where an answer is not finite. Throws std::invalid_argument without answers, as share_predicted does.
double accuracy(const Answers& a);
/// Share predicted as what the trigger is to evoke of each.
double share_predicted(const Answers& a, const data::TargetLabel& target);

}  // namespace afu::attack
