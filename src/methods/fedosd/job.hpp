#pragma once
/// FedOSD's steps (Pan et al., AAAI 2025), as they are asked for. Gradients appear as local updates, Delta = -eta g, all
/// with one local step size eta, so that w - eta d is w plus a combination of the updates.
#include <cstdint>
#include <vector>

#include "job/job.hpp"

namespace afu::methods {

struct FedosdTargetJob {
  static constexpr const char* name = "fedosd_target";
  model::ParametersPtr model;
  base::IndicesPtr forget;
  double lr = 4e-4;
  std::int64_t epochs = 1, batch_size = 200;
  base::StreamKey key;  ///< order of the samples
};
AFU_FIELDS(FedosdTargetJob, model, forget, lr, epochs, batch_size, key)

/// A local training of the target that descends the unlearning cross entropy. Output 0: the difference to the model.
/// Figure "loss": its mean of the last epoch. Throws std::invalid_argument without a model or samples.
job::JobResult run(engine::Workspace& workspace, const FedosdTargetJob& job);

struct FedosdDirectionJob {
  static constexpr const char* name = "fedosd_direction";
  model::ParametersPtr model, target;          ///< w, and the target's update
  std::vector<model::ParametersPtr> retained;  ///< the others' updates
};
AFU_FIELDS(FedosdDirectionJob, model, target, retained)

/// Output 0: the model after a step along the target's update made orthogonal to all others, at the target's length; its
/// buffers are the mean of the others'. Throws std::invalid_argument where a vector is missing.
job::JobResult run(engine::Workspace& workspace, const FedosdDirectionJob& job);

/// What is taken out of a recovery update: its component along the unlearning's way, wherever it points, or only where
/// it points back.
enum class RecoveryProjection { two_sided, one_sided };
AFU_LAST(RecoveryProjection, one_sided)

struct FedosdRecoverJob {
  static constexpr const char* name = "fedosd_recover";
  model::ParametersPtr model, before;          ///< w, and the model before the unlearning, w_0
  std::vector<model::ParametersPtr> retained;  ///< the others' updates
  RecoveryProjection projection = RecoveryProjection::two_sided;
};
AFU_FIELDS(FedosdRecoverJob, model, before, retained, projection)

/// Output 0: the model after the mean of the updates, each without its part along w - w_0 and at its own length; its
/// buffers are the mean of theirs. Throws std::invalid_argument where a vector is missing.
job::JobResult run(engine::Workspace& workspace, const FedosdRecoverJob& job);

}  // namespace afu::methods
