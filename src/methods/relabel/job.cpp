#include "methods/relabel/job.hpp"

#include "methods/relabel/wrong_labels.hpp"
#include "methods/sgd_on_forget_set.hpp"
#include "train/local_training.hpp"

namespace afu::methods {

torch::Tensor wrong_labels(const torch::Tensor& labels, const torch::Tensor& rows, std::int64_t classes,
                           const base::StreamKey& key) {
  const auto true_ones = labels.cpu(), numbers = rows.cpu();
  auto wrong = torch::empty_like(true_ones);
  const auto* label = true_ones.data_ptr<std::int64_t>();
  const auto* row = numbers.data_ptr<std::int64_t>();
  auto* out = wrong.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < wrong.numel(); ++i) {
    base::Stream stream({key.seed, key.purpose, static_cast<std::uint64_t>(row[i]), 0});
    const auto other = static_cast<std::int64_t>(stream.below(static_cast<std::uint64_t>(classes - 1)));
    out[i] = other < label[i] ? other : other + 1;
  }
  return wrong.to(labels.device());
}

job::JobResult run(engine::Workspace& workspace, const RelabelJob& job) {
  const auto gradient = [&](const engine::Batch& batch, const torch::Tensor& rows) {
    const auto loss = [&](const torch::Tensor& logits) {
      return at::cross_entropy_loss(logits,
                                    wrong_labels(batch.labels, rows, logits.size(1), job.training.key));
    };
    workspace.gradients().zero_();
    return train::loss_gradient(workspace, batch.images, loss);
  };
  return sgd_on_forget_set(workspace, job.training, gradient);
}

}  // namespace afu::methods
