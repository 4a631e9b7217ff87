#pragma once
/// What runs a ForgetTraining.
#include <torch/types.h>

#include <functional>

#include "engine/workspace.hpp"
#include "methods/forget_training.hpp"

namespace afu::methods {

/// In eval mode: normalisation statistics stay as they are (src/methods/README.md, BatchNorm). `gradient` fills the
/// workspace's flat gradient for a batch, and its rows, and returns the mean loss, detached; `after_step`, where
/// there is one, may move the parameters. Output 0: the difference to the base. Figure "loss": its mean of the last epoch. Throws std::invalid_argument without a base or samples.
job::JobResult sgd_on_forget_set(
    engine::Workspace& workspace, const ForgetTraining& training,
    const std::function<torch::Tensor(const engine::Batch&, const torch::Tensor& rows)>& gradient,
    const std::function<void()>& after_step = nullptr);

}  // namespace afu::methods
