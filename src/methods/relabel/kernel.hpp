#pragma once
/// Training on wrong labels: kernel "relabel".
#include "engine/kernel_job.hpp"
#include "engine/workspace.hpp"
#include "job/job.hpp"

namespace afu::methods {

/// Of each row a label drawn evenly among the other classes, from the streams (key.seed, key.purpose, row,
/// 0): the same whenever the row comes up. int64, on the device of `labels` [B], as is `rows` [B]; `classes`
/// is 2 or more.
torch::Tensor wrong_labels(const torch::Tensor& labels, const torch::Tensor& rows, std::int64_t classes,
                           const base::StreamKey& key);

/// SGD on the cross entropy with wrong labels, in eval mode (src/methods/README.md, BatchNorm).
/// inputs   {base}
/// samples  {forget set}
/// settings lr, momentum, clip_norm (0: off), epochs, batch_size
/// outputs  {the difference to the base}
/// figures  loss: mean cross entropy with the wrong labels, of the last epoch
job::JobResult relabel(engine::Workspace& workspace, const job::KernelJob& job);

}  // namespace afu::methods
