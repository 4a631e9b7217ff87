#pragma once
/// FedQUIT's local erasure (Mora et al. 2024; METHODS 5.10): kernel "fedquit".
#include <torch/types.h>

#include "compute/job.hpp"
#include "compute/workspace.hpp"

namespace afu::unlearn {

/// The "quasi-competent" target: the teacher's logits [N, classes] with the true class's logit replaced by
/// the row's smallest.
torch::Tensor quasi_competent_logits(const torch::Tensor& logits, const torch::Tensor& labels);

/// Distils KL(p~ || p_student) from the quasi-competent teacher (the base, frozen) with Adam, in eval mode:
/// normalisation statistics stay as they are (METHODS 1).
/// inputs   {base}
/// samples  {forget set}
/// settings lr, epochs, batch_size
/// outputs  {student - base}
/// figures  loss: mean KL of the last epoch
compute::JobResult fedquit(compute::Workspace& workspace, const compute::KernelJob& job);

}  // namespace afu::unlearn
