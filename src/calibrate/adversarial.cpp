#include "calibrate/jobs.hpp"

#include <c10/util/accumulate.h>
#include <torch/csrc/autograd/autograd.h>

#include <optional>
#include <stdexcept>

#include "calibrate/perturbations.hpp"
#include "calibrate/search_images.hpp"
#include "calibrate/search_size.hpp"
#include "engine/sgd.hpp"
#include "engine/task_loss.hpp"
#include "engine/workspace.hpp"

namespace afu::calibrate {
namespace {

struct Found {
  std::int64_t label = 0;
  double size = 0, success = 0;
  UniversalTrigger trigger;
  bool works() const { return success >= 0.5; }
  bool better_than(const Found& other) const {
    if (works() != other.works()) return works();
    return works() ? size < other.size : success > other.success;
  }
};

/// The variables as what they stand for.
struct Painted {
  torch::Tensor mask, pattern;
  torch::Tensor over(const torch::Tensor& images) const { return images * (1 - mask) + pattern * mask; }
};

Painted painted(const torch::Tensor& theta, const torch::Tensor& images) {
  const auto image = images.sizes().slice(1), plane = images.sizes().slice(2);
  const auto pixels = c10::multiply_integers(plane);
  return {theta.narrow(0, 0, pixels).view(plane).sigmoid(),
          theta.narrow(0, pixels, image.front() * pixels).view(image).tanh()};
}

Found search(engine::Workspace& workspace, const torch::Tensor& images, std::int64_t label, bool sets,
             const TriggerJob& job) {
  constexpr double kMaskStart = -2;  // the mask begins thin: 0.12 everywhere
  const auto pixels = c10::multiply_integers(images.sizes().slice(2));
  auto theta = torch::zeros({(images.size(1) + 1) * pixels}, images.options());
  theta.narrow(0, 0, pixels).fill_(kMaskStart);
  engine::Adam adam(theta, job.lr);
  for (std::int64_t step = 0; step < job.steps; ++step) {
    const auto variable = theta.detach().clone().set_requires_grad(true);
    const auto trigger = painted(variable, images);
    const auto loss = engine::loss_of_answering(workspace.net().forward(trigger.over(images)), label, sets) +
                      trigger.mask.sum() * job.sparsity;
    adam.step(theta, torch::autograd::grad({loss}, {variable}).front());
  }
  torch::NoGradGuard no_grad;
  Found found;
  found.label = label;
  const auto last = painted(theta, images);
  found.trigger = {last.mask, last.pattern * last.mask};
  found.size = found.trigger.mask.sum().item<double>();
  const auto turned = engine::answered_with(
      workspace.net().forward(with_universal_trigger(images, found.trigger)), label, sets);
  found.success = turned.to(torch::kFloat32).mean().item<double>();
  return found;
}

}  // namespace

engine::Batch search_images(engine::Workspace& workspace, const std::vector<base::IndicesPtr>& sets) {
  data::Indices rows;
  for (const auto& set : sets)
    if (set)
      for (auto r : *set)
        if (rows.size() < most_searched) rows.push_back(r);
  if (rows.empty()) throw std::invalid_argument("there are no samples to search a trigger on");
  const auto order = workspace.upload(rows);
  return workspace.gather(order, 0, order.size(0));
}

job::JobResult run(engine::Workspace& workspace, const TriggerJob& job) {
  if (!job.model) throw std::invalid_argument("the input is the model");
  const auto batch = search_images(workspace, job.environments);
  workspace.load(*job.model);
  workspace.net().train(false);
  std::int64_t classes = 0;
  {
    torch::NoGradGuard no_grad;
    classes = workspace.net().forward(batch.images.narrow(0, 0, 1)).size(1);
  }
  job::JobResult result;
  std::optional<Found> best;
  for (std::int64_t label = 0; label < classes; ++label) {
    const auto others = engine::rows_without(batch.labels, label);
    if (others.size(0) == 0) continue;
    auto found = search(workspace, batch.images.index_select(0, others), label,
                        engine::multi_label(batch.labels), job);
    result.samples += others.size(0) * (job.steps + 1);
    if (!best || found.better_than(*best)) best = std::move(found);
  }
  if (!best) throw std::invalid_argument("all samples have one label: there is nothing to turn into it");
  result.numbers = to_numbers(best->trigger);
  result.figures["label"] = static_cast<double>(best->label);
  result.figures["mask"] = best->size;
  result.figures["success"] = best->success;
  return result;
}

}  // namespace afu::calibrate
