#include "methods/fedosd/job.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "engine/eigen.hpp"
#include "engine/sgd.hpp"
#include "engine/task_loss.hpp"
#include "engine/workspace.hpp"
#include "methods/fedosd/orthogonal.hpp"
#include "methods/required.hpp"
#include "train/epoch_mean.hpp"
#include "train/local_training.hpp"
#include "train/schedule.hpp"

namespace afu::methods {
namespace {

torch::Tensor vector_of(const engine::Workspace& workspace, const model::ParametersPtr& v) {
  return v->values.to(workspace.device(), torch::kFloat64);
}

/// The retained clients' updates as rows [K, d], float64.
torch::Tensor rows_of(const engine::Workspace& workspace, const std::vector<model::ParametersPtr>& retained) {
  std::vector<torch::Tensor> rows;
  for (const auto& update : retained)
    rows.push_back(vector_of(workspace, required(update, "a retained client's update")));
  if (rows.empty()) throw std::invalid_argument("there is no retained client's update");
  return at::stack(rows);
}

/// w + step; buffers: the mean of the retained clients'.
job::JobResult stepped(engine::Workspace& workspace, const std::vector<model::ParametersPtr>& retained,
                       const torch::Tensor& w, const torch::Tensor& step) {
  std::vector<torch::Tensor> buffers;
  for (const auto& update : retained) buffers.push_back(update->buffers);
  job::JobResult result;
  result.outputs = {workspace.wrap((w + step).to(torch::kFloat32), at::stack(buffers).mean(0))};
  return result;
}

}  // namespace

torch::Tensor unlearning_cross_entropy(const torch::Tensor& logits, const torch::Tensor& labels) {
  const auto p = engine::multi_label(labels) ? engine::log_probabilities_of(logits, labels).exp()
                                             : logits.softmax(1).gather(1, labels.unsqueeze(1));
  return -at::log1p(p * -0.5).mean();
}

torch::Tensor orthogonal_part(const torch::Tensor& gradient, const torch::Tensor& retained) {
  const auto [values, vectors] = engine::symmetric_eigen(at::mm(retained, retained.t()).cpu());
  const double floor = std::max(1e-12, 1e-6 * values.max().item<double>());
  const auto inverse = at::where(values > floor, 1 / values, at::zeros_like(values));
  const auto along = vectors.t().mv(at::mv(retained, gradient).cpu()) * inverse;
  auto part = gradient - at::mv(retained.t(), vectors.mv(along).to(retained.device()));
  // Once more: what rounding left of the first projection.
  const auto rest = vectors.t().mv(at::mv(retained, part).cpu()) * inverse;
  return part - at::mv(retained.t(), vectors.mv(rest).to(retained.device()));
}

job::JobResult run(engine::Workspace& workspace, const FedosdTargetJob& job) {
  const auto& base = required(job.model, "the model");
  const train::Schedule schedule(samples_to_forget(job.forget), job.batch_size, job.epochs, 0, job.key);
  const auto order = workspace.upload(schedule.order());
  workspace.load(*base);
  workspace.net().train(false);
  engine::SgdSettings sgd;
  sgd.lr = job.lr;
  torch::Tensor no_momentum;
  train::EpochMean loss_mean(workspace.parameters());
  job::JobResult result;
  for (std::int64_t step = 0; step < schedule.steps(); ++step) {
    const auto count = schedule.count(step);
    const auto batch = workspace.gather(order, schedule.begin(step), count);
    workspace.gradients().zero_();
    const auto loss = train::loss_gradient(workspace, batch.images, [&](const torch::Tensor& logits) {
      return unlearning_cross_entropy(logits, batch.labels);
    });
    engine::sgd_step(workspace.parameters(), workspace.gradients(), no_momentum, {}, sgd);
    if (schedule.starts_epoch(step)) loss_mean.start_epoch();
    loss_mean.add(loss, count);
    result.samples += count;
  }
  result.outputs = {workspace.difference(base)};
  result.figures["loss"] = loss_mean.value();
  return result;
}

job::JobResult run(engine::Workspace& workspace, const FedosdDirectionJob& job) {
  torch::NoGradGuard no_grad;
  const auto w = vector_of(workspace, required(job.model, "the model"));
  const auto target = vector_of(workspace, required(job.target, "the target's update"));
  const auto part = orthogonal_part(target, rows_of(workspace, job.retained));
  const double length = part.norm().item<double>();
  const double scale = length > 1e-12 ? target.norm().item<double>() / length : 0.0;
  return stepped(workspace, job.retained, w, part * scale);
}

job::JobResult run(engine::Workspace& workspace, const FedosdRecoverJob& job) {
  torch::NoGradGuard no_grad;
  const auto w = vector_of(workspace, required(job.model, "the model"));
  const auto away = w - vector_of(workspace, required(job.before, "the model before the unlearning"));
  const double square = at::dot(away, away).item<double>();
  auto rows = rows_of(workspace, job.retained);
  if (square > 1e-24) {
    const auto lengths = rows.norm(2, {1}, true);
    auto along = at::mv(rows, away) / square;
    if (job.projection == RecoveryProjection::one_sided) along = along.clamp_max(0);
    rows = rows - at::outer(along, away);
    rows = rows * (lengths / rows.norm(2, {1}, true).clamp_min(1e-12));
  }
  return stepped(workspace, job.retained, w, rows.mean(0));
}

}  // namespace afu::methods
