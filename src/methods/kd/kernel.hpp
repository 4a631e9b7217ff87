#pragma once
#include "engine/kernel_job.hpp"
#include "engine/workspace.hpp"
#include "job/job.hpp"

namespace afu::methods {

/// "negate_first_layer" (NoT, Khalil et al. 2025). Input: the model. Output: the difference that negates the
/// weights, not the bias, of the layout's first layer.
job::JobResult negate_first_layer(engine::Workspace& workspace, const job::KernelJob& job);

}  // namespace afu::methods
