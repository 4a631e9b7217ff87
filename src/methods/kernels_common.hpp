#pragma once
/// What the erasure kernels share.
#include <functional>

#include "job/job.hpp"
#include "engine/workspace.hpp"
#include "model/parameters.hpp"

namespace afu::unlearn {

/// Input `index` of the job. Throws std::invalid_argument, naming `what`, where it is missing or null.
const model::ParametersPtr& required_input(const compute::KernelJob& job, std::size_t index,
                                           const char* what);

/// The job's first sample set. Throws std::invalid_argument where it is missing, null or empty.
const data::IndicesPtr& forget_set(const compute::KernelJob& job);

/// lr, momentum and clip_norm of the job's settings.
compute::SgdSettings sgd_settings(const compute::KernelJob& job);

/// SGD from input 0 over the forget set, in eval mode (METHODS 1), by the settings lr, momentum, clip_norm,
/// epochs and batch_size. `gradient` fills the workspace's flat gradient for a batch, and its rows, and
/// returns the mean loss, detached; `after_step`, where there is one, may move the parameters. The result:
/// the difference to the base and the figure loss, of the last epoch. Throws as the
/// functions above do.
compute::JobResult sgd_on_forget_set(
    compute::Workspace& workspace, const compute::KernelJob& job,
    const std::function<torch::Tensor(const compute::Batch&, const torch::Tensor& rows)>& gradient,
    const std::function<void()>& after_step = nullptr);

}  // namespace afu::unlearn
