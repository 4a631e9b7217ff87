#pragma once
/// Plain gradient ascent on the forget set, as it is asked for.
#include "methods/forget_training.hpp"

namespace afu::methods {

struct GradientAscentJob {
  static constexpr const char* name = "gradient_ascent";
  ForgetTraining training;
};
AFU_FIELDS(GradientAscentJob, training)

/// SGD on minus the mean cross entropy, in eval mode (src/methods/README.md, BatchNorm). Output 0: the difference to the
/// base. Figure "loss": the mean cross entropy of the last epoch. Throws std::invalid_argument without a base or samples.
job::JobResult run(engine::Workspace& workspace, const GradientAscentJob& job);

}  // namespace afu::methods
