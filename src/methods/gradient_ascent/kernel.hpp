#pragma once
/// Plain gradient ascent on the forget set: kernel "gradient_ascent".
#include "engine/kernel_job.hpp"
#include "engine/workspace.hpp"
#include "job/job.hpp"

namespace afu::methods {

/// SGD on minus the mean cross entropy, in eval mode (src/methods/README.md, BatchNorm).
/// inputs   {base}
/// samples  {forget set}
/// settings lr, momentum, clip_norm (0: off), epochs, batch_size
/// outputs  {the difference to the base}
/// figures  loss: mean cross entropy of the last epoch
job::JobResult gradient_ascent(engine::Workspace& workspace, const job::KernelJob& job);

}  // namespace afu::methods
