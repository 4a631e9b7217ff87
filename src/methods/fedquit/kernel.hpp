#pragma once
/// FedQUIT's local erasure (Mora et al. 2024; METHODS 5.10): kernel "fedquit".
#include <torch/types.h>

#include <string>

#include "engine/kernel_job.hpp"
#include "engine/workspace.hpp"
#include "job/job.hpp"

namespace afu::methods {

/// What the true class's logit becomes: the row's smallest; a value; sum_c q_c z_c over the other classes, q
/// being the softmax over them of z / temperature.
struct TrueLogit {
  enum class Kind { min, fixed, weighted } kind = Kind::min;
  double value = 0, temperature = 1;
};

/// The "quasi-competent" target: the teacher's logits [N, classes] with the true class's logit replaced.
torch::Tensor quasi_competent_logits(const torch::Tensor& logits, const torch::Tensor& labels,
                                     const TrueLogit& true_logit = {});

/// The mean over rows of the loss named `name` ("kl", "ce", "mse", "cosine") between probabilities, the
/// teacher's given as log probabilities [N, classes], a constant, and the student's as logits, already
/// divided by the temperature. Throws std::invalid_argument for another name.
torch::Tensor distillation_loss(const std::string& name, const torch::Tensor& teacher_log_probabilities,
                                const torch::Tensor& logits);

/// Distils by that loss from the quasi-competent teacher (the base, frozen) with Adam, in eval mode:
/// normalisation statistics stay as they are (METHODS 1).
/// inputs   {base}
/// samples  {forget set}
/// settings lr, epochs, batch_size, true_logit, true_logit_value, loss, temperature
/// outputs  {student - base}
/// figures  loss: its mean of the last epoch
job::JobResult fedquit(engine::Workspace& workspace, const job::KernelJob& job);

}  // namespace afu::methods
