#include "methods/fedau/job.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "engine/sgd.hpp"
#include "engine/workspace.hpp"
#include "methods/required.hpp"
#include "train/auxiliary_head.hpp"
#include "train/epoch_mean.hpp"
#include "train/schedule.hpp"

namespace afu::methods {
namespace {

/// The replica's features of all rows [n, F], in eval mode.
torch::Tensor all_features(engine::Workspace& workspace, const torch::Tensor& rows, std::int64_t batch_size) {
  torch::NoGradGuard no_grad;
  workspace.net().train(false);
  std::vector<torch::Tensor> features;
  for (std::int64_t begin = 0; begin < rows.size(0); begin += batch_size) {
    const auto count = std::min(batch_size, rows.size(0) - begin);
    features.push_back(workspace.net().features(workspace.gather(rows, begin, count).images));
  }
  return torch::cat(features);
}

torch::Tensor random_labels(const engine::Workspace& workspace, const data::Indices& rows, std::uint64_t seed,
                            std::int64_t classes) {
  std::vector<std::int64_t> labels(rows.size());
  std::transform(rows.begin(), rows.end(), labels.begin(),
                 [&](std::int64_t row) { return train::fixed_random_label(seed, row, classes); });
  return torch::tensor(at::ArrayRef<std::int64_t>(labels), torch::kInt64).to(workspace.device());
}

/// Weights N(0, 0.01^2), biases 0.
torch::Tensor fresh_head(const model::HeadRange& range, base::StreamKey key, torch::Device device) {
  key.purpose = base::purpose("fedau.head");
  base::Stream stream(key);
  auto values = torch::zeros({range.size()}, torch::kFloat32);
  auto* weight = values.data_ptr<float>();
  std::generate(weight, weight + range.classes * range.features,
                [&] { return static_cast<float>(0.01 * stream.normal()); });
  return values.to(device);
}

}  // namespace

job::JobResult run(engine::Workspace& workspace, const FedauMergeJob& job) {
  torch::NoGradGuard no_grad;
  const auto& model = required(job.model, "the model");
  const auto& auxiliary = required(job.auxiliary, "the auxiliary head");
  const auto range = model::head_range(workspace.net(), *workspace.layout());
  const auto expected = workspace.layout()->parameter_count;
  if (model->values.numel() != expected || auxiliary->values.numel() != expected)
    throw std::invalid_argument("the inputs are of another model");
  const auto head = [&](const model::ParametersPtr& v) { return range.of(v->values).to(workspace.device()); };
  const auto delta = (head(auxiliary) - head(model)) * job.alpha;
  job::JobResult result;
  result.outputs = {train::FreeHead::in_place(workspace, range, delta)};
  return result;
}

job::JobResult run(engine::Workspace& workspace, const FedauPostHocJob& job) {
  const auto& base = required(job.base, "the base");
  const auto& forget = samples_to_forget(job.forget);
  const auto range = model::head_range(workspace.net(), *workspace.layout());
  data::Indices positions(forget->size());
  std::iota(positions.begin(), positions.end(), std::int64_t{0});
  const train::Schedule schedule(std::make_shared<const data::Indices>(std::move(positions)), job.batch_size,
                                 job.epochs, 0, job.key);
  const auto order = torch::tensor(schedule.order(), torch::kInt64).to(workspace.device());

  workspace.load(*base);
  const auto features = all_features(workspace, workspace.upload(*forget), job.batch_size);
  const auto labels = random_labels(workspace, *forget, job.key.seed, range.classes);
  train::FreeHead head(fresh_head(range, job.key, workspace.device()), range);
  engine::SgdSettings sgd;
  sgd.lr = job.lr;
  torch::Tensor no_momentum;
  train::EpochMean loss_mean(features);
  for (std::int64_t step = 0; step < schedule.steps(); ++step) {
    const auto count = schedule.count(step);
    const auto rows = order.narrow(0, schedule.begin(step), count);
    head.gradients().zero_();
    const auto loss =
        at::cross_entropy_loss(head.forward(features.index_select(0, rows)), labels.index_select(0, rows));
    loss.backward();
    engine::sgd_step(head.values(), head.gradients(), no_momentum, {}, sgd);
    if (schedule.starts_epoch(step)) loss_mean.start_epoch();
    loss_mean.add(loss.detach(), count);
  }
  torch::NoGradGuard no_grad;
  const auto delta = (head.values() - range.of(workspace.parameters())) * job.alpha;
  job::JobResult result;
  result.outputs = {train::FreeHead::in_place(workspace, range, delta)};
  result.figures["loss"] = loss_mean.value();
  result.samples = features.size(0);
  return result;
}

}  // namespace afu::methods
