#pragma once
/// The terms of the calibrator's loss, as differentiable functions of logits (AFU-IC.md step 5).
#include <torch/types.h>

namespace afu::calibrate {

/// R_e: mean cross entropy of an environment's logits [N, classes] and labels [N].
torch::Tensor environment_risk(const torch::Tensor& logits, const torch::Tensor& labels);

/// mean over rows of KL(teacher || softmax(logits)). `teacher_log_probabilities` [N, classes] is a constant.
torch::Tensor distillation_kl(const torch::Tensor& teacher_log_probabilities, const torch::Tensor& logits);

/// (d R_e(s * logits)/ds at s = 1)^2, the IRMv1 penalty in closed form: the derivative is
/// mean_i (sum_j p_ij z_ij - z_iy) (METHODS 3.2).
torch::Tensor irm_penalty(const torch::Tensor& logits, const torch::Tensor& labels);

}  // namespace afu::calibrate
