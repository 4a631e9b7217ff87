#include "unlearn/kernels_uce.hpp"

#include "train/epoch_mean.hpp"
#include "train/schedule.hpp"
#include "train/sgd.hpp"
#include "unlearn/kernels_common.hpp"
#include "unlearn/kernels_fedosd.hpp"
#include "unlearn/kernels_pga.hpp"

namespace afu::unlearn {

compute::JobResult uce(compute::Workspace& workspace, const compute::KernelJob& job) {
  const auto& base = required_input(job, 0, "the base");
  const auto sgd = sgd_settings(job);
  const double radius = job.settings.real("radius");
  const train::Schedule schedule(forget_set(job), job.settings.integer("batch_size"),
                                 job.settings.integer("epochs"), 0, job.key);
  const auto order = workspace.upload(schedule.order());
  workspace.load(*base);
  workspace.net().train(false);
  auto& w = workspace.parameters();
  const auto start = w.clone();
  auto momentum = workspace.momentum();
  train::EpochMean loss_mean(momentum);
  compute::JobResult result;
  for (std::int64_t step = 0; step < schedule.steps(); ++step) {
    const auto count = schedule.count(step);
    const auto batch = workspace.gather(order, schedule.begin(step), count);
    workspace.gradients().zero_();
    const auto loss = unlearning_cross_entropy(workspace.net().forward(batch.images), batch.labels);
    loss.backward();
    train::sgd_step(w, workspace.gradients(), momentum, {}, sgd);
    if (radius > 0) project_onto_ball(w, start, radius);
    if (schedule.starts_epoch(step)) loss_mean.start_epoch();
    loss_mean.add(loss.detach(), count);
    result.samples += count;
  }
  result.outputs = {workspace.difference(base)};
  check_finite(*result.outputs[0]);
  result.figures["loss"] = loss_mean.value();
  result.figures["distance"] = result.outputs[0]->values.norm().item<double>();
  return result;
}

}  // namespace afu::unlearn
