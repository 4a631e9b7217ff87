#pragma once
/// Training on wrong labels, as it is asked for.
#include "methods/forget_training.hpp"

namespace afu::methods {

struct RelabelJob {
  static constexpr const char* name = "relabel";
  ForgetTraining training;  ///< its key draws the labels too
};
AFU_FIELDS(RelabelJob, training)

/// SGD on the cross entropy with wrong labels, in eval mode (src/methods/README.md, BatchNorm). Output 0: the difference
/// to the base. Figure "loss": the mean cross entropy with the wrong labels, of the last epoch. Throws
/// std::invalid_argument without a base or samples.
job::JobResult run(engine::Workspace& workspace, const RelabelJob& job);

}  // namespace afu::methods
