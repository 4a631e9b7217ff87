#pragma once
/// An erasure at the target, without a ledger (README.md): kernel "uce".
#include "engine/kernel_job.hpp"
#include "engine/workspace.hpp"
#include "job/job.hpp"

namespace afu::methods {

/// The target descends the unlearning cross entropy -log(1 - p_y / 2) (Pan et al. 2025), in eval mode, within
/// a ball around where it starts.
/// inputs   {base}
/// samples  {what to forget}
/// settings lr, momentum, clip_norm, epochs, batch_size, radius (0: no ball)
/// outputs  {the difference}
/// figures  loss, distance
job::JobResult uce(engine::Workspace& workspace, const job::KernelJob& job);

}  // namespace afu::methods
