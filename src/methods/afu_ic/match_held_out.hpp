#pragma once
/// Held-out matching at the target (README.md, Held-out matching): kernel "match_held_out".
#include "engine/kernel_job.hpp"
#include "engine/workspace.hpp"
#include "job/job.hpp"

namespace afu::methods {

/// A model that never saw D_f answers it as it answers the target's other samples. So the target takes steps
/// of SGD, in eval mode, down (mean CE on D_f - level)^2, the level being the mean CE of the model it starts
/// from on held-out samples of the same kind: up where the model still knows D_f, down where the erasure went
/// too far. Each step takes all of D_f, since the square of a mean is no mean of squares.
/// inputs   {the model}
/// samples  {what to forget, non-members}
/// settings lr, momentum, clip_norm, match_steps
/// outputs  {the difference}
/// figures  level; loss_before, loss_after: the mean CE on D_f
job::JobResult match_held_out(engine::Workspace& workspace, const job::KernelJob& job);

}  // namespace afu::methods
