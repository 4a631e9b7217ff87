#include "methods/kernels_common.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "engine/kernel_job.hpp"
#include "engine/sgd.hpp"
#include "engine/sgd_settings.hpp"
#include "train/epoch_mean.hpp"
#include "train/schedule.hpp"

namespace afu::methods {

const model::ParametersPtr& required_input(const job::KernelJob& job, std::size_t index, const char* what) {
  if (index >= job.inputs.size() || !job.inputs[index])
    throw std::invalid_argument(fmt::format("input {} ({}) is missing", index, what));
  return job.inputs[index];
}

const data::IndicesPtr& forget_set(const job::KernelJob& job) {
  if (job.samples.empty() || !job.samples[0] || job.samples[0]->empty())
    throw std::invalid_argument("there are no samples to forget");
  return job.samples[0];
}

engine::SgdSettings sgd_settings(const job::KernelJob& job) {
  engine::SgdSettings s;
  s.lr = job.settings.real("lr");
  s.momentum = job.settings.real("momentum");
  s.clip_norm = job.settings.real("clip_norm");
  return s;
}

job::JobResult sgd_on_forget_set(
    engine::Workspace& workspace, const job::KernelJob& job,
    const std::function<torch::Tensor(const engine::Batch&, const torch::Tensor&)>& gradient,
    const std::function<void()>& after_step) {
  const auto& base = required_input(job, 0, "the base");
  const auto sgd = sgd_settings(job);
  const train::Schedule schedule(forget_set(job), job.settings.integer("batch_size"),
                                 job.settings.integer("epochs"), 0, job.key);
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
    engine::sgd_step(workspace.parameters(), workspace.gradients(), momentum, {}, sgd);
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
