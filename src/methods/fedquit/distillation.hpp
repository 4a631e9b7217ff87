#pragma once
/// The formulas of FedQUIT (Mora et al. 2024).
#include <torch/types.h>

#include "methods/fedquit/job.hpp"

namespace afu::methods {

/// The "quasi-competent" target: the teacher's logits [N, classes] with the true class's logit replaced.
torch::Tensor quasi_competent_logits(const torch::Tensor& logits, const torch::Tensor& labels,
                                     const TrueLogit& true_logit = {});

/// The mean over rows of the loss between probabilities, the teacher's given as log probabilities [N, classes], a
/// constant, and the student's as logits, already divided by the temperature.
torch::Tensor distillation_loss(DistillationLoss loss, const torch::Tensor& teacher_log_probabilities,
                                const torch::Tensor& logits);

}  // namespace afu::methods
