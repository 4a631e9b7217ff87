#include "unlearn/kernels_ascent.hpp"

#include "train/epoch_mean.hpp"
#include "train/local_training.hpp"
#include "train/schedule.hpp"
#include "train/sgd.hpp"
#include "unlearn/kernels_common.hpp"

namespace afu::unlearn {

compute::JobResult gradient_ascent(compute::Workspace& workspace, const compute::KernelJob& job) {
  const auto& base = required_input(job, 0, "the base");
  const auto sgd = sgd_settings(job);
  const train::Schedule schedule(forget_set(job), job.settings.integer("batch_size"),
                                 job.settings.integer("epochs"), 0, job.key);
  const auto order = workspace.upload(schedule.order());
  workspace.load(*base);
  workspace.net().train(false);
  auto momentum = workspace.momentum();
  train::EpochMean loss_mean(momentum);
  compute::JobResult result;
  for (std::int64_t step = 0; step < schedule.steps(); ++step) {
    const auto count = schedule.count(step);
    const auto batch = workspace.gather(order, schedule.begin(step), count);
    const auto loss = train::cross_entropy_gradient(workspace, batch, -1.0);
    train::sgd_step(workspace.parameters(), workspace.gradients(), momentum, {}, sgd);
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
