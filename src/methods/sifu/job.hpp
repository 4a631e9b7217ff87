#pragma once
/// SIFU's erasure (Fraboni et al. 2024), as it is asked for.
#include <vector>

#include "job/job.hpp"
#include "methods/remembered_round.hpp"

namespace afu::methods {

/// Psi*: the sensitivity up to which noise of deviation sigma makes two models (epsilon, delta)-indistinguishable,
/// epsilon sigma / sqrt(2 ln(1.25 / delta)) (the Gaussian mechanism).
double sifu_threshold(double epsilon, double delta, double sigma);

struct SifuJob {
  static constexpr const char* name = "sifu";
  model::ParametersPtr first;  ///< the version that the first round began with
  std::vector<RememberedRound> rounds;
  bool mean =
      false;  ///< rounds are weighted means of all that came, so the others' weights grow without the target
  double contraction = 1, threshold = 0, sigma = 0;
  base::StreamKey key;  ///< the noise
};
AFU_FIELDS(SifuJob, first, rounds, mean, contraction, threshold, sigma, key)

/// The target's sensitivity Psi after each round, Psi_0 = 0, Psi_n = contraction Psi_(n-1) + |what the round would have been
/// without it - what it was|: of a mean |sum a_u Delta_u - p (end - start)| / (1 - p), of a round of the target alone |end -
/// start|; of added differences at most sum a_u |Delta_u|. Output 0: the last version before Psi exceeds the threshold for the
/// first time, with noise N(0, sigma^2) on each parameter. Numbers: Psi_1, Psi_2, ... Figures: rounds, how many that version
/// holds; psi, its Psi. Throws std::invalid_argument where a vector is missing.
job::JobResult run(engine::Workspace& workspace, const SifuJob& job);

}  // namespace afu::methods
