#include "methods/sgd_on_forget_set.hpp"

#include "engine/sgd.hpp"
#include "methods/required.hpp"
#include "train/epoch_mean.hpp"
#include "train/schedule.hpp"

namespace afu::methods {

job::JobResult sgd_on_forget_set(
    engine::Workspace& workspace, const ForgetTraining& training,
    const std::function<torch::Tensor(const engine::Batch&, const torch::Tensor&)>& gradient,
    const std::function<void()>& after_step) {
  const auto& base = required(training.base, "the base");
  const train::Schedule schedule(samples_to_forget(training.forget), training.batch_size, training.epochs, 0,
                                 training.key);
  const auto order = workspace.upload(schedule.order());
  workspace.load(*base);
  workspace.net().train(false);
  auto momentum = workspace.momentum();
  train::EpochMean loss_mean(momentum);
  job::JobResult result;
  for (std::int64_t step = 0; step < schedule.steps(); ++step) {
    const auto begin = schedule.begin(step), count = schedule.count(step);
    const auto batch = workspace.gather(order, begin, count);
    const auto loss = gradient(batch, order.narrow(0, begin, count));
    engine::sgd_step(workspace.parameters(), workspace.gradients(), momentum, {}, training.sgd);
    if (after_step) after_step();
    if (schedule.starts_epoch(step)) loss_mean.start_epoch();
    loss_mean.add(loss, count);
    result.samples += count;
  }
  result.outputs = {workspace.difference(base)};
  result.figures["loss"] = loss_mean.value();
  return result;
}

}  // namespace afu::methods
