#pragma once
/// FedRecovery's erasure (Zhang et al. 2023), as it is asked for.
#include <vector>

#include "job/job.hpp"
#include "methods/remembered_round.hpp"

namespace afu::methods {

/// sigma of the Gaussian noise that makes two models whose distance is at most `sensitivity`
/// (epsilon, beta)-indistinguishable: sensitivity / (sqrt(2) (sqrt(ln(1/beta) + epsilon) - sqrt(ln(1/beta)))).
double recovery_sigma(double epsilon, double beta, double sensitivity);

/// What |Delta_agg,i|^2 is divided by to be p_i: its sum over all rounds, or over those before; the first then counts
/// nothing.
enum class RoundWeights { all, earlier };
AFU_LAST(RoundWeights, earlier)
/// delta_i: what the target added, (sum a_u Delta_u - pi Delta_agg) / (1 - pi), or what the others left,
/// pi (Delta_agg - sum a_u Delta_u) / (1 - pi).
enum class Residual { target, retained };
AFU_LAST(Residual, retained)

struct FedrecoveryJob {
  static constexpr const char* name = "fedrecovery";
  model::ParametersPtr model;
  std::vector<RememberedRound>
      rounds;  ///< Delta_agg = end - start, pi = share; one without the target adds nothing
  RoundWeights weights = RoundWeights::all;
  Residual residual = Residual::target;
  double scale = 1;
  double sigma = 0;                                  ///< of the noise
  double epsilon = 0, beta = 1e-5, sensitivity = 1;  ///< epsilon > 0: sigma follows from these
  base::StreamKey key;                               ///< the noise
};
AFU_FIELDS(FedrecoveryJob, model, rounds, weights, residual, scale, sigma, epsilon, beta, sensitivity, key)

/// Output 0: -scale sum_i p_i delta_i + N(0, sigma^2). Rounds without the target count in p. Figure "sigma". Throws
/// std::invalid_argument where a vector is missing.
job::JobResult run(engine::Workspace& workspace, const FedrecoveryJob& job);

}  // namespace afu::methods
