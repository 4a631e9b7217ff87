#pragma once
/// What KNOT's server measures of its clusters (Su & Li 2023; README.md, item 4).
#include "engine/kernel_job.hpp"
#include "engine/workspace.hpp"
#include "job/job.hpp"

namespace afu::methods {

/// Kernel "accuracies", in eval mode.
/// inputs   {models}
/// samples  {rows}
/// settings batch_size
/// numbers  the accuracy of each model on the rows, in [0, 1]
job::JobResult accuracies(engine::Workspace& workspace, const job::KernelJob& job);

}  // namespace afu::methods
