#pragma once
/// The server-side calibration of AFU-IC: kernel "calibrate".
#include "compute/job.hpp"
#include "compute/workspace.hpp"

namespace afu::calibrate {

/// Full-batch SGD from a version on held-out data, in eval mode, on
///   L = mean_e R_e + beta * KL(p_teacher || p) + lambda * mean_e irm_e  (AFU-IC.md step 5),
/// the KL being the mean over all samples.
/// inputs   {base, teacher}: where it starts; whose outputs are to be kept (w before the erasure merged)
/// samples  one set an environment; empty ones are left out
/// settings steps, lr, momentum, clip_norm (0: off), beta, lambda
/// outputs  {the difference to the base}
/// figures  loss_before, loss_after: L at the base and at the end; kl_after: the KL alone, at the end
compute::JobResult calibrate(compute::Workspace& workspace, const compute::KernelJob& job);

}  // namespace afu::calibrate
