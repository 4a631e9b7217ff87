#pragma once
/// L3 of METHODS 9.1: kernel "uce".
#include "engine/kernel_job.hpp"
#include "engine/workspace.hpp"
#include "job/job.hpp"

namespace afu::methods {

/// The target descends the unlearning cross entropy -log(1 - p_y / 2) (METHODS 5.8), in eval mode, within a
/// ball around where it starts. inputs {base}; samples {what to forget}; settings lr, momentum, clip_norm,
/// epochs, batch_size, radius (0: no ball); outputs {the difference}; figures loss, distance
job::JobResult uce(engine::Workspace& workspace, const job::KernelJob& job);

}  // namespace afu::methods
