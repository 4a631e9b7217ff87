#pragma once
/// Membership attacks against reference models that never saw the suspects (src/attack/README.md, lira and
/// rmia).
#include <vector>

#include "attack/separation.hpp"

namespace afu::attack {

/// Probabilities of the true class: of the model under attack, and of every reference model, sample by
/// sample. `population`: samples that neither the model nor a reference was trained on, for rmia.
struct Referenced {
  std::vector<double> model;                    ///< [N]
  std::vector<std::vector<double>> references;  ///< [models][N]
};

/// log(p / (1 - p)), p clipped to [1e-6, 1 - 1e-6].
double logit_confidence(double p);

/// Offline LiRA (Carlini et al. 2022): (phi - mean) / deviation, phi being the logit confidence, mean and
/// deviation of phi over the references. With fewer than 16 references the deviation is one for all samples
/// (over the references, pooled), which then changes no order. Not passed through the normal distribution
/// function: that keeps the order but rounds far scores to 1. Throws std::invalid_argument without references
/// or where lengths differ.
Scores lira_scores(const Referenced& r);

/// Offline RMIA (Zarifzadeh et al. 2024): the share of the population z with ratio_x > ratio_z, where ratio_x
/// = p_model(x) / p(x), p(x) = ((1 + a) mean of p_reference(x) + 1 - a) / 2. Throws as lira_scores does, and
/// for an empty population.
Scores rmia_scores(const Referenced& suspects, const Referenced& population, double a);

}  // namespace afu::attack
