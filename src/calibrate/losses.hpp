#pragma once
/// The terms of the calibrator's loss, as differentiable functions of logits (src/calibrate/README.md, The
/// objective). Labels are [N], or, of images with any number of labels, [N, L] (engine/task_loss.hpp): each label then counts as
/// a decision between two classes with the logits z and 0, and the mean is over these too.
#include <torch/types.h>

namespace afu::calibrate {

/// R_e: mean cross entropy of an environment's logits [N, classes] and labels [N].
torch::Tensor environment_risk(const torch::Tensor& logits, const torch::Tensor& labels);

/// mean over rows of KL(teacher || softmax(logits)). `teacher_log_probabilities` [N, classes], or
/// [N, L, 2] (engine::log_probabilities), is a constant.
/// With the clean images' own log probabilities as the teacher and the logits of T(x): the penalty under
/// perturbations (src/calibrate/README.md, Perturbation).
torch::Tensor distillation_kl(const torch::Tensor& teacher_log_probabilities, const torch::Tensor& logits);

/// d R_e(s * logits)/ds at s = 1, in closed form: mean_i (sum_j p_ij z_ij - z_iy) (IRMv1, Arjovsky et al.
/// 2019); of labels mean_il (p_il - y_il) z_il.
torch::Tensor irm_derivative(const torch::Tensor& logits, const torch::Tensor& labels);

/// Its square: the IRMv1 penalty, which the sampling noise of the derivative biases upwards.
torch::Tensor irm_penalty(const torch::Tensor& logits, const torch::Tensor& labels);

/// The unbiased estimate: the product of the derivatives of the even and of the odd rows, negative at times.
/// Throws std::invalid_argument for fewer than two rows.
torch::Tensor irm_penalty_of_halves(const torch::Tensor& logits, const torch::Tensor& labels);

/// An environment's share of the population variance mean_e (R_e - mean R)^2 of `count` environments (V-REx,
/// Krueger et al. 2021), whose gradients add up to the variance's: `mean` is a constant, since sum_e
/// (R_e - mean R) = 0.
torch::Tensor variance_share(const torch::Tensor& risk, const torch::Tensor& mean, std::int64_t count);

}  // namespace afu::calibrate
