#pragma once
/// Plain gradient ascent on the forget set: kernel "gradient_ascent".
#include "job/job.hpp"
#include "engine/workspace.hpp"

namespace afu::unlearn {

/// SGD on minus the mean cross entropy, in eval mode (METHODS 1).
/// inputs   {base}
/// samples  {forget set}
/// settings lr, momentum, clip_norm (0: off), epochs, batch_size
/// outputs  {the difference to the base}
/// figures  loss: mean cross entropy of the last epoch
compute::JobResult gradient_ascent(compute::Workspace& workspace, const compute::KernelJob& job);

}  // namespace afu::unlearn
