#include "engine/task_loss.hpp"

#include "data/label_set.hpp"

namespace afu::engine {
namespace {

torch::Tensor binary_losses(const torch::Tensor& logits, const torch::Tensor& labels,
                            at::Reduction::Reduction reduction) {
  return at::binary_cross_entropy_with_logits(logits, labels.to(logits.scalar_type()), {}, {}, reduction);
}

}  // namespace

torch::Tensor task_loss(const torch::Tensor& logits, const torch::Tensor& labels) {
  return multi_label(labels) ? binary_losses(logits, labels, at::Reduction::Mean)
                             : at::cross_entropy_loss(logits, labels);
}

torch::Tensor task_losses(const torch::Tensor& logits, const torch::Tensor& labels) {
  return multi_label(labels) ? binary_losses(logits, labels, at::Reduction::None).mean(1)
                             : at::cross_entropy_loss(logits, labels, {}, at::Reduction::None);
}

torch::Tensor task_loss_sum(const torch::Tensor& logits, const torch::Tensor& labels) {
  return multi_label(labels) ? task_losses(logits, labels).sum()
                             : at::cross_entropy_loss(logits, labels, {}, at::Reduction::Sum);
}

torch::Tensor probabilities(const torch::Tensor& logits, const torch::Tensor& labels) {
  return multi_label(labels) ? logits.sigmoid() : logits.softmax(1);
}

torch::Tensor log_probabilities(const torch::Tensor& logits, bool sets) {
  return sets ? at::stack({at::log_sigmoid(logits), at::log_sigmoid(-logits)}, 2) : logits.log_softmax(1);
}

torch::Tensor log_probabilities_of(const torch::Tensor& logits, const torch::Tensor& labels) {
  if (!multi_label(labels)) return logits.log_softmax(1).gather(1, labels.unsqueeze(1));
  return at::log_sigmoid(at::where(labels.ne(0), logits, -logits));
}

torch::Tensor rows_without(const torch::Tensor& labels, std::int64_t label) {
  return (multi_label(labels) ? labels.select(1, label).eq(0) : labels.ne(label)).nonzero().squeeze(1);
}

torch::Tensor loss_of_answering(const torch::Tensor& logits, std::int64_t label, bool sets) {
  if (sets) return -at::log_sigmoid(logits.select(1, label)).mean();
  return at::cross_entropy_loss(
      logits,
      torch::full({logits.size(0)}, label, logits.options().dtype(torch::kInt64).requires_grad(false)));
}

torch::Tensor answered_with(const torch::Tensor& logits, std::int64_t label, bool sets) {
  return sets ? logits.select(1, label).gt(0) : logits.argmax(1).eq(label);
}

std::vector<std::int64_t> label_values(const torch::Tensor& labels) {
  const auto on_cpu = labels.to(torch::kCPU, torch::kInt64).contiguous();
  const auto* p = on_cpu.data_ptr<std::int64_t>();
  if (!multi_label(labels)) return {p, p + on_cpu.numel()};
  std::vector<std::int64_t> sets(static_cast<std::size_t>(labels.size(0)), 0);
  for (auto& set : sets)
    for (std::int64_t l = 0; l < labels.size(1); ++l)
      if (*p++ != 0) set = data::with_label(set, l);
  return sets;
}

std::vector<std::int64_t> predicted_sets(const torch::Tensor& logits) { return label_values(logits.gt(0)); }

}  // namespace afu::engine
