#include "unlearn/kernels_fedquit.hpp"

#include <algorithm>
#include <numeric>

#include "calibrate/losses.hpp"
#include "train/epoch_mean.hpp"
#include "train/local_training.hpp"
#include "train/schedule.hpp"
#include "train/sgd.hpp"
#include "unlearn/kernels_common.hpp"

namespace afu::unlearn {
namespace {

/// The targets' log probabilities for all of `rows`, from the replica as it is.
torch::Tensor teach(compute::Workspace& workspace, const torch::Tensor& rows, std::int64_t batch_size) {
  torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> targets;
  for (std::int64_t begin = 0; begin < rows.size(0); begin += batch_size) {
    const auto batch = workspace.gather(rows, begin, std::min(batch_size, rows.size(0) - begin));
    targets.push_back(quasi_competent_logits(workspace.forward(batch.images), batch.labels));
  }
  return torch::cat(targets).log_softmax(1);
}

}  // namespace

torch::Tensor quasi_competent_logits(const torch::Tensor& logits, const torch::Tensor& labels) {
  return logits.scatter(1, labels.unsqueeze(1), std::get<0>(logits.min(1, /*keepdim=*/true)));
}

compute::JobResult fedquit(compute::Workspace& workspace, const compute::KernelJob& job) {
  const auto& base = required_input(job, 0, "the base");
  const auto& forget = forget_set(job);
  const auto batch_size = job.settings.integer("batch_size");
  // Positions in the forget set are shuffled, not rows: a position also finds the teacher's target.
  data::Indices positions(forget->size());
  std::iota(positions.begin(), positions.end(), std::int64_t{0});
  const train::Schedule schedule(std::make_shared<const data::Indices>(std::move(positions)), batch_size,
                                 job.settings.integer("epochs"), 0, job.key);
  const auto rows = workspace.upload(*forget);
  const auto order = torch::tensor(schedule.order(), torch::kInt64).to(workspace.device());
  const auto ordered_rows = rows.index_select(0, order);

  workspace.load(*base);
  workspace.net().train(false);
  const auto targets = teach(workspace, rows, batch_size);
  train::Adam adam(workspace.parameters(), job.settings.real("lr"));
  train::EpochMean loss_mean(targets);
  compute::JobResult result;
  result.samples = rows.size(0);
  for (std::int64_t step = 0; step < schedule.steps(); ++step) {
    const auto begin = schedule.begin(step), count = schedule.count(step);
    const auto batch = workspace.gather(ordered_rows, begin, count);
    workspace.gradients().zero_();
    const auto target = targets.index_select(0, order.narrow(0, begin, count));
    const auto loss = train::loss_gradient(workspace, batch.images, [&](const torch::Tensor& logits) {
      return calibrate::distillation_kl(target, logits);
    });
    adam.step(workspace.parameters(), workspace.gradients());
    if (schedule.starts_epoch(step)) loss_mean.start_epoch();
    loss_mean.add(loss, count);
    result.samples += count;
  }
  result.outputs = {workspace.difference(base)};
  check_finite(*result.outputs[0]);
  result.figures["loss"] = loss_mean.value();
  return result;
}

}  // namespace afu::unlearn
