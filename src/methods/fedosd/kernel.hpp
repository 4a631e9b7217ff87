#pragma once
/// FedOSD's pieces (Pan et al., AAAI 2025). Gradients appear as local updates, Delta = -eta g, all with one
/// local step size eta, so that w - eta d is w plus a combination of the updates.
#include <torch/types.h>

#include "engine/kernel_job.hpp"
#include "engine/workspace.hpp"
#include "job/job.hpp"

namespace afu::methods {

/// Unlearning cross entropy of logits [N, classes] and labels [N]: -mean log(1 - p_y / 2).
torch::Tensor unlearning_cross_entropy(const torch::Tensor& logits, const torch::Tensor& labels);

/// g_u without its part in the span of the rows of `retained` [K, d], float64: the Gram matrix is inverted on
/// its eigenvalues above 1e-6 of the largest (and at least 1e-12).
torch::Tensor orthogonal_part(const torch::Tensor& gradient, const torch::Tensor& retained);

/// "fedosd_target": one local training of the target that descends the unlearning cross entropy. Input: the
/// model. Samples: what to forget. Output: the difference.
job::JobResult fedosd_target(engine::Workspace& workspace, const job::KernelJob& job);

/// "fedosd_direction". Inputs: the model, the target's update, the retained clients' updates. Output: the
/// model after a step along the target's update made orthogonal to all others, at the target's length.
job::JobResult fedosd_direction(engine::Workspace& workspace, const job::KernelJob& job);

/// "fedosd_recover". Inputs: the model, the model before the unlearning, the retained clients' updates.
/// Output: the model after the mean of the updates, each without its part along w - w_0 and at its own
/// length.
job::JobResult fedosd_recover(engine::Workspace& workspace, const job::KernelJob& job);

}  // namespace afu::methods
