#pragma once
/// What the erasure kernels share.
#include <functional>

#include "engine/kernel_job.hpp"
#include "engine/sgd_settings.hpp"
#include "engine/workspace.hpp"
#include "job/job.hpp"
#include "model/parameters.hpp"

namespace afu::methods {

/// Input `index` of the job. Throws std::invalid_argument, naming `what`, where it is missing or null.
const model::ParametersPtr& required_input(const job::KernelJob& job, std::size_t index, const char* what);

/// The job's first sample set. Throws std::invalid_argument where it is missing, null or empty.
const data::IndicesPtr& forget_set(const job::KernelJob& job);

/// lr, momentum and clip_norm of the job's settings.
engine::SgdSettings sgd_settings(const job::KernelJob& job);

/// SGD from input 0 over the forget set, in eval mode (src/methods/README.md, BatchNorm), by the settings lr,
/// momentum, clip_norm, epochs and batch_size. `gradient` fills the workspace's flat gradient for a batch,
/// and its rows, and returns the mean loss, detached; `after_step`, where there is one, may move the
/// parameters. The result: the difference to the base and the figure loss, of the last epoch. Throws as the
/// functions above do.
job::JobResult sgd_on_forget_set(
    engine::Workspace& workspace, const job::KernelJob& job,
    const std::function<torch::Tensor(const engine::Batch&, const torch::Tensor& rows)>& gradient,
    const std::function<void()>& after_step = nullptr);

}  // namespace afu::methods
