#pragma once
/// Kernel "batch_statistics": what an erasure leaves of the target in a network's running statistics.
#include "engine/kernel_job.hpp"
#include "engine/workspace.hpp"
#include "job/job.hpp"

namespace afu::methods {

/// The model with its running statistics (BatchNorm's mean and variance) taken anew, on all of `samples` as
/// one batch; nothing of the old ones stays. Buffers that a training pass leaves alone are no statistics and
/// stay. Costs `statistics_passes` a sample. Throws std::invalid_argument where there are no samples, and
/// std::runtime_error where buffers are changed by training and are no moving averages of the batches.
/// inputs   {the model}
/// samples  one set or more
/// outputs  {the model, whole}
job::JobResult batch_statistics(engine::Workspace& workspace, const job::KernelJob& job);

/// In sample gradients: four forward passes.
constexpr double statistics_passes = 4.0 / 3.0;

}  // namespace afu::methods
