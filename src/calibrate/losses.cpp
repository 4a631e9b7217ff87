#include "calibrate/losses.hpp"

#include <stdexcept>

#include "engine/task_loss.hpp"

namespace afu::calibrate {

torch::Tensor environment_risk(const torch::Tensor& logits, const torch::Tensor& labels) {
  return engine::task_loss(logits, labels);
}

torch::Tensor distillation_kl(const torch::Tensor& teacher_log_probabilities, const torch::Tensor& logits) {
  const auto p = teacher_log_probabilities.exp();
  // A teacher's probability of 0 contributes 0, also where its logarithm is -infinity.
  const auto log_p = teacher_log_probabilities.masked_fill(p == 0, 0.0);
  // Of each label, where there are any number of them, the divergence of two values.
  return (p * (log_p - engine::log_probabilities(logits, p.dim() == 3))).sum(-1).mean();
}

torch::Tensor irm_derivative(const torch::Tensor& logits, const torch::Tensor& labels) {
  if (engine::multi_label(labels)) return ((logits.sigmoid() - labels) * logits).mean();
  const auto expected = (logits.softmax(1) * logits).sum(1);
  const auto own = logits.gather(1, labels.unsqueeze(1)).squeeze(1);
  return (expected - own).mean();
}

torch::Tensor irm_penalty(const torch::Tensor& logits, const torch::Tensor& labels) {
  return irm_derivative(logits, labels).square();
}

torch::Tensor irm_penalty_of_halves(const torch::Tensor& logits, const torch::Tensor& labels) {
  if (logits.size(0) < 2)
    throw std::invalid_argument("an environment of one sample has no two halves for the IRM penalty");
  const auto half = [&](std::int64_t first) {
    return irm_derivative(logits.slice(0, first, logits.size(0), 2),
                          labels.slice(0, first, labels.size(0), 2));
  };
  return half(0) * half(1);
}

torch::Tensor variance_share(const torch::Tensor& risk, const torch::Tensor& mean, std::int64_t count) {
  return (risk - mean).square() / static_cast<double>(count);
}

}  // namespace afu::calibrate
