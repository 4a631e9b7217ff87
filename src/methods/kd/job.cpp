#include "methods/kd/job.hpp"

#include <algorithm>

#include "base/elementary.hpp"
#include "calibrate/losses.hpp"
#include "engine/combine.hpp"
#include "engine/sgd.hpp"
#include "engine/task_loss.hpp"
#include "engine/workspace.hpp"
#include "methods/required.hpp"
#include "train/epoch_mean.hpp"
#include "train/local_training.hpp"
#include "train/schedule.hpp"

namespace afu::methods {

job::JobResult run(engine::Workspace& workspace, const DistilJob& job) {
  const auto& teacher = required(job.teacher, "the teacher");
  const auto student = engine::combined(workspace, job.student);
  data::Indices rows;
  for (const auto& set : job.samples) rows.insert(rows.end(), set->begin(), set->end());
  job::JobResult result;
  const double temperature = job.temperature, hard = job.hard_weight;
  workspace.net().train(false);

  if (job.epochs > 0 && !rows.empty()) {
    const train::Schedule schedule(std::make_shared<const data::Indices>(std::move(rows)), job.batch_size,
                                   job.epochs, 0, job.key);
    const auto order = workspace.upload(schedule.order());
    std::vector<torch::Tensor> targets;  // a step's: the teacher's log probabilities
    workspace.load(*teacher);
    {
      torch::NoGradGuard no_grad;
      for (std::int64_t step = 0; step < schedule.steps(); ++step) {
        const auto batch = workspace.gather(order, schedule.begin(step), schedule.count(step));
        targets.push_back(engine::log_probabilities(workspace.forward(batch.images) / temperature,
                                                    engine::multi_label(batch.labels)));
      }
    }
    workspace.load(*student);
    engine::SgdSettings sgd;
    sgd.momentum = job.momentum;
    auto momentum = workspace.momentum();
    train::EpochMean loss_mean(momentum);
    for (std::int64_t step = 0; step < schedule.steps(); ++step) {
      const auto count = schedule.count(step);
      const auto batch = workspace.gather(order, schedule.begin(step), count);
      const double done =
          static_cast<double>(step) / static_cast<double>(std::max<std::int64_t>(1, schedule.steps() - 1));
      sgd.lr = job.lr * base::pow(job.final_lr / job.lr, done);
      workspace.gradients().zero_();
      const auto& target = targets[static_cast<std::size_t>(step)];
      const auto loss = train::loss_gradient(workspace, batch.images, [&](const torch::Tensor& logits) {
        const auto soft =
            calibrate::distillation_kl(target, logits / temperature) * (temperature * temperature);
        return hard > 0 ? soft + engine::task_loss(logits, batch.labels) * hard : soft;
      });
      engine::sgd_step(workspace.parameters(), workspace.gradients(), momentum, {}, sgd);
      if (schedule.starts_epoch(step)) loss_mean.start_epoch();
      loss_mean.add(loss, count);
      result.samples += 2 * count;
    }
    result.figures["loss"] = loss_mean.value();
  } else {
    workspace.load(*student);
  }
  result.outputs = {workspace.difference(teacher)};
  return result;
}

}  // namespace afu::methods
