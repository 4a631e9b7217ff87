#pragma once
/// A client's local training on one lane, and the gradients it and the erasures step with.
#include <functional>

#include "engine/workspace.hpp"
#include "job/job.hpp"
#include "train/schedule.hpp"
#include "train/train_job.hpp"

namespace afu::engine::graph {
class Step;
}

namespace afu::train {

/// The same by `recorded`, for a job without an auxiliary head: what `run` of a TrainJob does where the workspace
/// has one. On a GPU the host waits once, at the end.
job::JobResult train_recorded(engine::Workspace& workspace, engine::graph::Step& recorded,
                              const TrainJob& job, const Schedule& schedule);

/// Scales a difference [d] in place down to the length `most` where it is longer; 0: never. Returns the
/// factor, float64 [] on the device; undefined where `most` is 0.
torch::Tensor shorten(torch::Tensor delta, double most);

/// Has the result's figure "shortened" be 1 where `factor` is below 1. Waits for the device.
void note_shortened(job::JobResult& result, const torch::Tensor& factor);

/// Forward, loss and backward of one batch; the flat gradient is then that of `sign` times the mean cross
/// entropy, or, of images with any number of labels, binary cross entropy (engine::task_loss). Returns that loss, detached, on
/// the device.
torch::Tensor cross_entropy_gradient(engine::Workspace& workspace, const engine::Batch& batch,
                                     double sign = 1.0);

/// The same for any loss, a scalar made of the logits [B, classes]; its gradient is added to the flat
/// gradient. Returns the loss, detached, on the device.
torch::Tensor loss_gradient(engine::Workspace& workspace, const torch::Tensor& images,
                            const std::function<torch::Tensor(const torch::Tensor& logits)>& loss);

}  // namespace afu::train
