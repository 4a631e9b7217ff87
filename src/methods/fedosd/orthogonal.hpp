#pragma once
/// The formulas of FedOSD (Pan et al., AAAI 2025).
#include <torch/types.h>

namespace afu::methods {

/// Unlearning cross entropy of logits [N, classes] and labels [N]: -mean log(1 - p_y / 2). Of
/// labels [N, L] (engine/task_loss.hpp) p_y is the probability of what each label is, and the mean is over these.
torch::Tensor unlearning_cross_entropy(const torch::Tensor& logits, const torch::Tensor& labels);

/// g_u without its part in the span of the rows of `retained` [K, d], float64: the Gram matrix is inverted on
/// its eigenvalues above 1e-6 of the largest (and at least 1e-12).
torch::Tensor orthogonal_part(const torch::Tensor& gradient, const torch::Tensor& retained);

}  // namespace afu::methods
