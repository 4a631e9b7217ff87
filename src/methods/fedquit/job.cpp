#include "methods/fedquit/job.hpp"

#include <algorithm>
#include <numeric>

#include "calibrate/losses.hpp"
#include "engine/sgd.hpp"
#include "engine/workspace.hpp"
#include "methods/fedquit/distillation.hpp"
#include "methods/required.hpp"
#include "train/epoch_mean.hpp"
#include "train/local_training.hpp"
#include "train/schedule.hpp"

namespace afu::methods {
namespace {

/// The targets' log probabilities for all of `rows`, from the replica as it is.
torch::Tensor teach(engine::Workspace& workspace, const torch::Tensor& rows, std::int64_t batch_size,
                    const TrueLogit& true_logit) {
  torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> targets;
  for (std::int64_t begin = 0; begin < rows.size(0); begin += batch_size) {
    const auto batch = workspace.gather(rows, begin, std::min(batch_size, rows.size(0) - begin));
    targets.push_back(quasi_competent_logits(workspace.forward(batch.images), batch.labels, true_logit));
  }
  return (torch::cat(targets) / true_logit.temperature).log_softmax(1);
}

}  // namespace

torch::Tensor quasi_competent_logits(const torch::Tensor& logits, const torch::Tensor& labels,
                                     const TrueLogit& true_logit) {
  const auto at_label = labels.unsqueeze(1);
  switch (true_logit.kind) {
    case TrueLogit::Kind::fixed:
      return logits.scatter(1, at_label, true_logit.value);
    case TrueLogit::Kind::weighted: {
      const auto others = (logits / true_logit.temperature).scatter(1, at_label, -1e30).softmax(1);
      return logits.scatter(1, at_label, (others * logits).sum(1, /*keepdim=*/true));
    }
    case TrueLogit::Kind::min:
      break;
  }
  return logits.scatter(1, at_label, std::get<0>(logits.min(1, /*keepdim=*/true)));
}

torch::Tensor distillation_loss(DistillationLoss loss, const torch::Tensor& teacher_log_probabilities,
                                const torch::Tensor& logits) {
  if (loss == DistillationLoss::kl) return calibrate::distillation_kl(teacher_log_probabilities, logits);
  const auto teacher = teacher_log_probabilities.exp();
  if (loss == DistillationLoss::ce) return -(teacher * logits.log_softmax(1)).sum(1).mean();
  const auto student = logits.softmax(1);
  if (loss == DistillationLoss::mse) return (teacher - student).square().mean();
  return 1 - at::cosine_similarity(teacher, student, 1).mean();
}

job::JobResult run(engine::Workspace& workspace, const FedquitJob& job) {
  const auto& base = required(job.base, "the base");
  const auto& forget = samples_to_forget(job.forget);
  // Positions in the forget set are shuffled, not rows: a position also finds the teacher's target.
  data::Indices positions(forget->size());
  std::iota(positions.begin(), positions.end(), std::int64_t{0});
  const train::Schedule schedule(std::make_shared<const data::Indices>(std::move(positions)), job.batch_size,
                                 job.epochs, 0, job.key);
  const auto rows = workspace.upload(*forget);
  const auto order = torch::tensor(schedule.order(), torch::kInt64).to(workspace.device());
  const auto ordered_rows = rows.index_select(0, order);

  workspace.load(*base);
  workspace.net().train(false);
  const auto targets = teach(workspace, rows, job.batch_size, job.true_logit);
  engine::Adam adam(workspace.parameters(), job.lr);
  train::EpochMean loss_mean(targets);
  job::JobResult result;
  result.samples = rows.size(0);
  for (std::int64_t step = 0; step < schedule.steps(); ++step) {
    const auto begin = schedule.begin(step), count = schedule.count(step);
    const auto batch = workspace.gather(ordered_rows, begin, count);
    workspace.gradients().zero_();
    const auto target = targets.index_select(0, order.narrow(0, begin, count));
    const auto loss = train::loss_gradient(workspace, batch.images, [&](const torch::Tensor& logits) {
      return distillation_loss(job.loss, target, logits / job.true_logit.temperature);
    });
    adam.step(workspace.parameters(), workspace.gradients());
    if (schedule.starts_epoch(step)) loss_mean.start_epoch();
    loss_mean.add(loss, count);
    result.samples += count;
  }
  result.outputs = {workspace.difference(base)};
  result.figures["loss"] = loss_mean.value();
  return result;
}

}  // namespace afu::methods
