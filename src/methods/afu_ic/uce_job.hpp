#pragma once
/// An erasure at the target, without a ledger (README.md, Erasure without a ledger), as it is asked for.
#include "methods/forget_training.hpp"

namespace afu::methods {

struct UceJob {
  static constexpr const char* name = "uce";
  ForgetTraining training;
  double radius = 1;  ///< of the ball around its base; 0: none
};
AFU_FIELDS(UceJob, training, radius)

/// The target descends the unlearning cross entropy -log(1 - p_y / 2) (Pan et al. 2025), in eval mode, within the ball.
/// Output 0: the difference to the base. Figures: loss, the mean of the last epoch; distance, the difference's length.
/// Throws std::invalid_argument without a base or samples.
job::JobResult run(engine::Workspace& workspace, const UceJob& job);

}  // namespace afu::methods
