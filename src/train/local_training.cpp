#include "train/local_training.hpp"

#include <stdexcept>

#include "train/epoch_mean.hpp"
#include "train/schedule.hpp"
#include "train/sgd.hpp"

namespace afu::train {

torch::Tensor cross_entropy_gradient(compute::Workspace& workspace, const compute::Batch& batch,
                                     double sign) {
  workspace.gradients().zero_();
  const auto loss = at::cross_entropy_loss(workspace.net().forward(batch.images), batch.labels);
  (sign == 1.0 ? loss : loss * sign).backward();
  return loss.detach();
}

compute::JobResult train_locally(compute::Workspace& workspace, const compute::TrainJob& job) {
  if (!job.base) throw std::invalid_argument("there is no base version to train from");
  const Schedule schedule(job.samples, job.batch_size, job.epochs, job.steps, job.key);
  const auto order = workspace.upload(schedule.order());
  workspace.load(*job.base);
  workspace.net().train(true);

  auto& w = workspace.parameters();
  torch::Tensor momentum, base;
  if (job.sgd.momentum != 0) momentum = workspace.momentum();
  if (job.sgd.prox_mu != 0) base = job.base->values.to(workspace.device());
  EpochMean loss_mean(w);
  compute::JobResult result;
  for (std::int64_t step = 0; step < schedule.steps(); ++step) {
    if (schedule.starts_epoch(step)) loss_mean.start_epoch();
    const auto count = schedule.count(step);
    const auto loss = cross_entropy_gradient(workspace, workspace.gather(order, schedule.begin(step), count));
    sgd_step(w, workspace.gradients(), momentum, base, job.sgd);
    loss_mean.add(loss, count);
    result.samples += count;
  }
  result.outputs = {workspace.difference(job.base)};
  result.figures["loss"] = loss_mean.value();
  return result;
}

}  // namespace afu::train
