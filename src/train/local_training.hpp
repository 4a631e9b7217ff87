#pragma once
/// A client's local training on one lane, and the gradients it and the erasures step with.
#include <functional>

#include "engine/workspace.hpp"
#include "job/job.hpp"
#include "train/schedule.hpp"

namespace afu::engine::graph {
class Step;
}

namespace afu::train {

/// Runs the job. Output 0: the difference to the base (buffers: their values after). Figure "loss": mean
/// cross entropy of the samples of the last (perhaps unfinished) epoch, each before the step it was used in.
/// Figure "shortened": 1 where job.sgd.max_delta scaled the difference down, else absent.
/// With job.auxiliary, output 1: the auxiliary head (train/auxiliary_head.hpp), which job.extras do not
/// concern. job.extras->lr_factor is not looked at: who makes the job puts it into the step size. The result
/// depends on the job alone, not on the lane that runs it. Throws for a job that cannot be run.
job::JobResult train_locally(engine::Workspace& workspace, const job::TrainJob& job);

/// The same by `recorded`, for a job without an auxiliary head: what train_locally does where the workspace
/// has one. On a GPU the host waits once, at the end.
job::JobResult train_recorded(engine::Workspace& workspace, engine::graph::Step& recorded,
                              const job::TrainJob& job, const Schedule& schedule);

/// Scales a difference [d] in place down to the length `most` where it is longer; 0: never. Returns the
/// factor, float64 [] on the device; undefined where `most` is 0.
torch::Tensor shorten(torch::Tensor delta, double most);

/// Has the result's figure "shortened" be 1 where `factor` is below 1. Waits for the device.
void note_shortened(job::JobResult& result, const torch::Tensor& factor);

/// Forward, loss and backward of one batch; the flat gradient is then that of `sign` times the mean cross
/// entropy. Returns the mean cross entropy, detached, on the device.
torch::Tensor cross_entropy_gradient(engine::Workspace& workspace, const engine::Batch& batch,
                                     double sign = 1.0);

/// The same for any loss, a scalar made of the logits [B, classes]; its gradient is added to the flat
/// gradient. Returns the loss, detached, on the device.
torch::Tensor loss_gradient(engine::Workspace& workspace, const torch::Tensor& images,
                            const std::function<torch::Tensor(const torch::Tensor& logits)>& loss);

}  // namespace afu::train
