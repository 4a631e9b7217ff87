#pragma once
/// The guard's subspace (src/calibrate/README.md, Guard): kernels "gradient_sketch" at the target,
/// "erasure_subspace" at the calibrator.
#include <torch/types.h>

#include "engine/kernel_job.hpp"
#include "engine/workspace.hpp"
#include "job/job.hpp"

namespace afu::calibrate {

/// An orthonormal basis [k, d] of the `most` strongest directions of the rows of `vectors` [n, d], float32,
/// by the eigenvectors of their Gram matrix; directions below 1e-6 of the strongest are left out, so k may be
/// smaller.
torch::Tensor leading_directions(const torch::Tensor& vectors, std::int64_t most);

/// Gradients of the cross entropy of random minibatches of what is to be forgotten, in eval mode.
/// inputs   {the model}
/// samples  {forget set}
/// settings sketch (how many), batch_size
/// outputs  the gradients
job::JobResult gradient_sketch(engine::Workspace& workspace, const job::KernelJob& job);

/// u_1 ... u_r, orthonormal, u_j . e >= 0: the strongest directions of the sketch and e, each scaled to
/// length 1, once the span of the environments' gradients (their 16 strongest directions) is removed from
/// them. What the retained clients' data ask for so stays allowed.
/// inputs   {the model, e, sketch ...}
/// samples  one set an environment
/// settings rank
/// outputs  {u_1, ...}, at most r
job::JobResult erasure_subspace(engine::Workspace& workspace, const job::KernelJob& job);

}  // namespace afu::calibrate
