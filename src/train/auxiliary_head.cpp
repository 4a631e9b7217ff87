#include "train/auxiliary_head.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "engine/optimiser.hpp"
#include "train/train_job.hpp"

namespace afu::train {
namespace {

/// Where the head starts: (1 - gamma) main head + gamma last auxiliary head; the main head where there is
/// none.
torch::Tensor start_of(engine::Workspace& workspace, const model::HeadRange& range,
                       const AuxiliaryHead& job) {
  torch::NoGradGuard no_grad;
  const auto main = range.of(workspace.parameters());
  if (!job.head) return main.clone();
  if (job.head->values.numel() != workspace.parameters().numel())
    throw std::invalid_argument("the auxiliary head is of another model");
  return at::lerp(main, range.of(job.head->values).to(workspace.device()), job.gamma);
}

torch::Tensor given_labels(const engine::Workspace& workspace, const TrainJob& job,
                           const data::Indices& order, std::int64_t classes) {
  std::vector<std::int64_t> given(order.size(), -1);
  if (const auto& rows = job.auxiliary->relabelled)
    std::transform(order.begin(), order.end(), given.begin(), [&](std::int64_t row) {
      return std::binary_search(rows->begin(), rows->end(), row)
                 ? fixed_random_label(job.key.seed, row, classes)
                 : std::int64_t{-1};
    });
  return torch::tensor(at::ArrayRef<std::int64_t>(given), torch::kInt64).to(workspace.device());
}

}  // namespace

std::int64_t fixed_random_label(std::uint64_t seed, std::int64_t row, std::int64_t classes) {
  base::Stream stream({seed, base::purpose("fedau.label"), static_cast<std::uint64_t>(row), 0});
  return static_cast<std::int64_t>(stream.below(static_cast<std::uint64_t>(classes)));
}

FreeHead::FreeHead(torch::Tensor values, const model::HeadRange& range)
    : values_(std::move(values)), gradients_(torch::zeros_like(values_)) {
  const auto weights = range.classes * range.features;
  const auto leaf = [&](std::int64_t begin, std::int64_t count, at::IntArrayRef shape) {
    auto t = values_.narrow(0, begin, count).view(shape).detach().set_requires_grad(true);
    t.mutable_grad() = gradients_.narrow(0, begin, count).view(shape);
    return t;
  };
  weight_ = leaf(0, weights, {range.classes, range.features});
  bias_ = leaf(weights, range.classes, {range.classes});
}

torch::Tensor FreeHead::forward(const torch::Tensor& features) const {
  return at::linear(features, weight_, bias_);
}

model::ParametersPtr FreeHead::in_place(const engine::Workspace& workspace, const model::HeadRange& range,
                                        const torch::Tensor& v) {
  torch::NoGradGuard no_grad;
  const auto& layout = *workspace.layout();
  const auto options = torch::dtype(torch::kFloat32).device(workspace.device());
  auto values = torch::zeros({layout.parameter_count}, options);
  range.of(values).copy_(v);
  return workspace.wrap(std::move(values), torch::zeros({layout.buffer_count}, options));
}

AuxiliaryTraining::AuxiliaryTraining(engine::Workspace& workspace, const TrainJob& job,
                                     const data::Indices& order)
    : workspace_(workspace),
      range_(model::head_range(workspace.net(), *workspace.layout())),
      main_(workspace.net().head()),
      head_(start_of(workspace, range_, *job.auxiliary), range_),
      given_(given_labels(workspace, job, order, range_.classes)),
      backbone_(job.auxiliary->backbone) {
  if (!job.adam && job.sgd.momentum != 0) state_.momentum = torch::zeros_like(head_.values());
  if (job.sgd.prox_mu != 0) start_ = head_.values().clone();
}

torch::Tensor AuxiliaryTraining::gradient(const engine::Batch& batch, std::int64_t begin) {
  workspace_.gradients().zero_();
  head_.gradients().zero_();
  const auto given = given_.narrow(0, begin, batch.labels.size(0));
  const auto labels = at::where(given >= 0, given, batch.labels);
  const auto features = workspace_.net().features(batch.images);
  const auto loss = at::cross_entropy_loss(at::linear(features, main_.weight, main_.bias), batch.labels);
  const auto seen = backbone_ ? features : features.detach();
  (loss + at::cross_entropy_loss(head_.forward(seen), labels)).backward();
  return loss.detach();
}

void AuxiliaryTraining::step(const TrainJob& job) {
  engine::optimiser_step(head_.values(), head_.gradients(), state_, start_, job.sgd, job.adam);
}

model::ParametersPtr AuxiliaryTraining::result() {
  return FreeHead::in_place(workspace_, range_, head_.values());
}

}  // namespace afu::train
