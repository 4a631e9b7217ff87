#include "train/local_training.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "engine/fused/program.hpp"
#include "engine/graph/step.hpp"
#include "engine/optimiser.hpp"
#include "engine/sgd.hpp"
#include "engine/task_loss.hpp"
#include "train/augment.hpp"
#include "train/auxiliary_head.hpp"
#include "train/epoch_mean.hpp"
#include "train/schedule.hpp"
#include "train/train_job.hpp"

namespace afu::train {
namespace {

torch::Tensor on_lane(const engine::Workspace& workspace, const model::ParametersPtr& v, const char* what) {
  if (!v) return {};
  const auto wanted = workspace.layout()->parameter_count;
  if (v->values.numel() != wanted)
    throw std::invalid_argument(
        fmt::format("the {} has {} values where the model has {}", what, v->values.numel(), wanted));
  return v->values.to(workspace.device(), /*non_blocking=*/true);
}

engine::StepExtras extras_on(const engine::Workspace& workspace, const TrainExtras& x) {
  if (x.strength != 0 && !x.anchor) throw std::invalid_argument("there is no anchor to pull to");
  engine::StepExtras extras;
  extras.mask = on_lane(workspace, x.mask, "mask");
  if (x.strength == 0) return extras;
  extras.anchor = on_lane(workspace, x.anchor, "anchor");
  extras.fisher = on_lane(workspace, x.fisher, "Fisher diagonal");
  extras.strength = x.strength;
  return extras;
}

/// Steps of an epoch, one after the other, with as many samples each.
struct Run {
  std::int64_t count, steps;
  bool starts_epoch;
};

std::vector<Run> runs_of(const Schedule& schedule) {
  std::vector<Run> runs;
  for (std::int64_t step = 0; step < schedule.steps(); ++step) {
    const auto count = schedule.count(step);
    const bool starts_epoch = schedule.starts_epoch(step);
    if (starts_epoch || runs.back().count != count)
      runs.push_back({count, 1, starts_epoch});
    else
      ++runs.back().steps;
  }
  return runs;
}

Schedule schedule_of(const engine::Workspace& workspace, const TrainJob& job,
                     const std::vector<std::size_t>& order) {
  if (!job.shards.empty()) {
    if (job.auxiliary || job.balanced || job.steps > 0)
      throw std::invalid_argument(
          "shards go with no auxiliary head, no balanced batches and no number of steps");
    std::vector<data::IndicesPtr> shards;
    for (auto s : order) shards.push_back(job.shards[s]);
    return {shards, job.batch_size, job.epochs, job.key};
  }
  if (!job.balanced || !job.samples) return {job.samples, job.batch_size, job.epochs, job.steps, job.key};
  const auto labels =
      workspace.pool().labels.index_select(0, workspace.upload(*job.samples)).to(torch::kCPU).contiguous();
  const auto* y = labels.data_ptr<std::int64_t>();
  return {job.samples, job.batch_size, job.epochs, job.steps, job.key, {y, y + labels.numel()}};
}

/// The shards that are not empty, in the order in which the job goes through them.
std::vector<std::size_t> passes_of(const TrainJob& job) {
  auto order = shard_order(job.key, job.shards.size());
  order.erase(std::remove_if(order.begin(), order.end(),
                             [&](std::size_t s) { return !job.shards[s] || job.shards[s]->empty(); }),
              order.end());
  return order;
}

/// What training on each shard changes, where the job asks for it.
class Parts {
 public:
  Parts(const TrainJob& job, const torch::Tensor& w) : w_(w), parts_(job.parts ? job.shards.size() : 0) {
    if (!parts_.empty()) before_ = w.clone();
  }
  /// The model is what it became by training on that shard since the last call.
  void add(std::size_t shard) {
    if (parts_.empty()) return;
    auto& part = parts_[shard];
    if (!part.defined()) part = torch::zeros_like(before_);
    part.sub_(before_.sub_(w_));
    before_.copy_(w_);
  }
  /// Appends them, scaled by `factor` where it is defined.
  void append_to(std::vector<model::ParametersPtr>& outputs, const engine::Workspace& workspace,
                 const torch::Tensor& factor) {
    for (auto& part : parts_) {
      if (!part.defined()) part = torch::zeros_like(before_);
      if (factor.defined()) part.mul_(factor.to(torch::kFloat32));
      outputs.push_back(workspace.wrap(std::move(part), torch::empty({0}, before_.options())));
    }
  }

 private:
  const torch::Tensor& w_;
  std::vector<torch::Tensor> parts_;  ///< by shard; undefined: it was not trained on
  torch::Tensor before_;
};

/// What the job changed, shortened to `max_delta` where it is longer, which `factor` tells (see shorten); its
/// buffers are values, which stay.
model::ParametersPtr difference(const engine::Workspace& workspace, const TrainJob& job,
                                torch::Tensor& factor) {
  const auto whole = workspace.difference(job.base);
  factor = shorten(whole->values, job.sgd.max_delta);
  return whole;
}

}  // namespace

torch::Tensor shorten(torch::Tensor delta, double most) {
  if (most <= 0) return {};
  const auto factor = (most / delta.norm(2, at::kDouble)).clamp_max(1.0).nan_to_num(1.0);
  delta.mul_(factor.to(torch::kFloat32));
  return factor;
}

void note_shortened(job::JobResult& result, const torch::Tensor& factor) {
  if (factor.defined() && factor.item<double>() < 1) result.figures["shortened"] = 1;
}

job::JobResult train_recorded(engine::Workspace& workspace, engine::graph::Step& recorded,
                              const TrainJob& job, const Schedule& schedule) {
  const auto runs = runs_of(schedule);
  recorded.begin(job.base, job.sgd, job.adam, job.extras.get(), schedule.order());
  for (const auto& run : runs) recorded.want(run.count, run.steps);
  recorded.prepare();
  job::JobResult result;
  std::int64_t of_epoch = 0;
  for (const auto& run : runs) {
    if (run.starts_epoch) {
      recorded.start_epoch();
      of_epoch = 0;
    }
    recorded.run(run.count, run.steps);
    of_epoch += run.count * run.steps;
    result.samples += run.count * run.steps;
  }
  torch::Tensor factor;
  result.outputs = {difference(workspace, job, factor)};
  recorded.finish();
  workspace.wait();
  note_shortened(result, factor);
  result.figures["loss"] = recorded.loss() / static_cast<double>(of_epoch);
  return result;
}

torch::Tensor cross_entropy_gradient(engine::Workspace& workspace, const engine::Batch& batch, double sign) {
  if (auto* fused = workspace.fused())
    return torch::scalar_tensor(fused->cross_entropy_gradient(workspace.parameters(), batch.images,
                                                              batch.labels, sign, workspace.gradients()));
  workspace.gradients().zero_();
  const auto loss = engine::task_loss(workspace.net().forward(batch.images), batch.labels);
  (sign == 1.0 ? loss : loss * sign).backward();
  return loss.detach();
}

torch::Tensor loss_gradient(engine::Workspace& workspace, const torch::Tensor& images,
                            const std::function<torch::Tensor(const torch::Tensor& logits)>& loss) {
  auto* fused = workspace.fused();
  if (!fused) {
    const auto value = loss(workspace.net().forward(images));
    value.backward();
    return value.detach();
  }
  const auto logits = fused->forward_kept(workspace.parameters(), images).requires_grad_(true);
  const auto value = loss(logits);
  value.backward();
  fused->backward(workspace.parameters(), logits.grad(), workspace.gradients());
  return value.detach();
}

job::JobResult run(engine::Workspace& workspace, const TrainJob& job) {
  if (!job.base) throw std::invalid_argument("there is no base version to train from");
  const auto passes = passes_of(job);
  const auto schedule = schedule_of(workspace, job, passes);
  if (auto* recorded = workspace.graph();
      recorded && !job.auxiliary && !job.augment.any() && job.shards.empty())
    return train_recorded(workspace, *recorded, job, schedule);
  const auto order = workspace.upload(schedule.order());
  workspace.load(*job.base);
  workspace.net().train(true);

  auto& w = workspace.parameters();
  const bool sharded = !job.shards.empty();
  engine::OptimiserState state;
  const auto begin_anew = [&] {
    state = {};
    if (!job.adam && job.sgd.momentum != 0) state.momentum = workspace.momentum();
  };
  begin_anew();
  torch::Tensor base;
  if (job.sgd.prox_mu != 0) base = job.base->values.to(workspace.device(), /*non_blocking=*/true);
  std::optional<engine::StepExtras> extras;
  if (job.extras) extras = extras_on(workspace, *job.extras);
  std::optional<AuxiliaryTraining> auxiliary;
  if (job.auxiliary) auxiliary.emplace(workspace, job, schedule.order());
  Augmenter augment(job.augment, job.key);
  EpochMean loss_mean(w);
  Parts parts(job, w);
  std::size_t pass = 0;  // of `passes`, whose shard is trained on
  job::JobResult result;
  for (std::int64_t step = 0; step < schedule.steps(); ++step) {
    if (const auto next = schedule.shard(step); next != pass) {
      parts.add(passes[pass]);
      pass = next;
      begin_anew();
    }
    if (!sharded && schedule.starts_epoch(step)) loss_mean.start_epoch();
    const auto begin = schedule.begin(step), count = schedule.count(step);
    auto batch = workspace.gather(order, begin, count);
    batch.images = augment(batch.images);
    const auto loss =
        auxiliary ? auxiliary->gradient(batch, begin) : cross_entropy_gradient(workspace, batch);
    engine::optimiser_step(w, workspace.gradients(), state, base, job.sgd, job.adam,
                           extras ? &*extras : nullptr);
    if (auxiliary) auxiliary->step(job);
    if (!sharded || schedule.in_last_epoch(step)) loss_mean.add(loss, count);
    result.samples += count;
  }
  if (sharded) parts.add(passes[pass]);
  torch::Tensor factor;
  result.outputs = {difference(workspace, job, factor)};
  parts.append_to(result.outputs, workspace, factor);
  if (auxiliary) result.outputs.push_back(auxiliary->result());
  workspace.wait();
  note_shortened(result, factor);
  result.figures["loss"] = loss_mean.value();
  return result;
}

}  // namespace afu::train
