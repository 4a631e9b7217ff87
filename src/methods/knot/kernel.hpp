#pragma once
/// What KNOT's server measures of its clusters (Su & Li 2023; METHODS 5.7, item 4).
#include "job/job.hpp"
#include "engine/workspace.hpp"

namespace afu::unlearn {

/// Kernel "accuracies", in eval mode.
/// inputs   {models}
/// samples  {rows}
/// settings batch_size
/// numbers  the accuracy of each model on the rows, in [0, 1]
compute::JobResult accuracies(compute::Workspace& workspace, const compute::KernelJob& job);

}  // namespace afu::unlearn
