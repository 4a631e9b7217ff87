#pragma once
/// How well scores tell members from non-members: what every attack reports (src/attack/README.md, Sets).
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "base/random.hpp"

namespace afu::attack {

using Scores = std::vector<double>;
/// "loss.auc" -> value: the attack, then the figure. What does not apply is absent.
using Figures = std::map<std::string, double>;

struct Separation {
  double auc = 0.5;
  double auc_error = 0;  ///< its standard error (DeLong, DeLong and Clarke-Pearson 1988); NaN of one member
                         ///< or one non-member
  double tpr_at_1pct = 0, tpr_at_01pct = 0;
  /// Whether the 95 % interval of the AUC holds `value`.
  bool holds(double value) const;
};

/// Members are to score higher; -infinity and infinity are scores like any other. Where a score is NaN, so is
/// every figure here and below: of a model without an answer nothing is known. Throws std::invalid_argument
/// where either list is empty.
Separation separate(const Scores& members, const Scores& non_members);

/// The largest true-positive rate of a threshold with a false-positive rate of at most `fpr`: with fewer than
/// 1 / fpr non-members, that of a threshold above them all.
double tpr_at_fpr(const Scores& members, const Scores& non_members, double fpr);

/// Mean of the members' share at or above `threshold` and the non-members' share below it.
double balanced_accuracy_at(const Scores& members, const Scores& non_members, double threshold);
/// The threshold of the best balanced accuracy; halfway between two scores.
double best_threshold(const Scores& members, const Scores& non_members);
/// Balanced accuracy of thresholds chosen on one random half and tried on the other, both ways: chance is
/// 0.5, which a threshold tried where it was chosen would exceed. Needs two scores of each.
double accuracy_by_halves(const Scores& members, const Scores& non_members, const base::StreamKey& key);

/// Puts auc, auc_error, tpr_at_1pct and tpr_at_0.1pct of the attack `name` into `figures`.
void report(Figures& figures, const std::string& name, const Separation& s);

}  // namespace afu::attack
