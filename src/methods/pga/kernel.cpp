#include "methods/pga/kernel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "engine/kernel_job.hpp"
#include "engine/sgd.hpp"
#include "methods/kernels_common.hpp"
#include "metrics/evaluate.hpp"
#include "train/local_training.hpp"
#include "train/schedule.hpp"

namespace afu::methods {
namespace {

double squared_distance(const torch::Tensor& a, const torch::Tensor& b) {
  return (a - b).square_().sum(torch::kFloat64).item<double>();
}

/// Root mean square distance of w_ref to 10 random initialisations.
double random_distance(engine::Workspace& workspace, const torch::Tensor& w_ref,
                       const base::StreamKey& job_key) {
  constexpr int kModels = 10;
  double sum = 0;
  for (int i = 0; i < kModels; ++i) {
    base::StreamKey key = job_key;
    key.purpose = base::purpose("pga.random_model") + static_cast<std::uint64_t>(i);
    const auto random = model::initial_parameters(workspace.net(), workspace.layout(), key);
    sum += squared_distance(random->values.to(workspace.device()), w_ref);
  }
  return std::sqrt(sum / kModels);
}

}  // namespace

void project_onto_ball(torch::Tensor& w, const torch::Tensor& centre, double radius) {
  torch::NoGradGuard no_grad;
  const auto offset = w - centre;
  // Inside, the factor is exactly 1 and w stays as it is up to rounding.
  const auto factor = (radius / offset.norm()).clamp_max(1.0).nan_to_num(1.0);
  w.copy_(torch::addcmul(centre, offset, factor));
}

job::JobResult pga(engine::Workspace& workspace, const job::KernelJob& job) {
  const auto& base = required_input(job, 0, "the base");
  const auto& reference = required_input(job, 1, "w_ref");
  const auto& s = job.settings;
  const auto sgd = sgd_settings(job);
  const double radius_frac = s.real("radius_frac"), stop_factor = s.real("stop_factor");
  const double stop_distance = s.real("stop_distance"), stop_accuracy = s.real("stop_accuracy");
  const auto max_steps = s.integer("max_steps");
  if (radius_frac <= 0)
    throw std::invalid_argument(fmt::format("radius_frac is {}, allowed is above 0", radius_frac));
  const train::Schedule schedule(forget_set(job), s.integer("batch_size"), s.integer("epochs"), 0, job.key);
  const auto order = workspace.upload(schedule.order());

  workspace.load(*reference);
  workspace.net().train(false);
  auto& w = workspace.parameters();
  const auto w_ref = w.clone();
  const double radius = radius_frac * random_distance(workspace, w_ref, job.key);
  torch::Tensor w_last;
  double stop_at = std::numeric_limits<double>::infinity();
  if ((stop_factor > 0 || stop_distance > 0) && job.inputs.size() > 2 && job.inputs[2]) {
    w_last = job.inputs[2]->values.to(workspace.device());
    if (stop_factor > 0) stop_at = stop_factor * squared_distance(w_ref, w_last);
    if (stop_distance > 0) stop_at = std::min(stop_at, stop_distance);
  }
  if (stop_accuracy > 0 && (job.samples.size() < 2 || !job.samples[1] || job.samples[1]->empty()))
    throw std::invalid_argument("stop_accuracy needs validation rows, there are none");

  const auto limit = max_steps > 0 ? std::min(max_steps, schedule.steps()) : schedule.steps();
  auto momentum = workspace.momentum();
  job::JobResult result;
  std::int64_t step = 0;
  for (bool far_enough = false; step < limit && !far_enough; ++step) {
    const auto count = schedule.count(step);
    const auto batch = workspace.gather(order, schedule.begin(step), count);
    train::cross_entropy_gradient(workspace, batch, -1.0);
    engine::sgd_step(w, workspace.gradients(), momentum, {}, sgd);
    project_onto_ball(w, w_ref, radius);
    result.samples += count;
    if (w_last.defined()) far_enough = squared_distance(w, w_last) > stop_at;
    if (stop_accuracy > 0 && !far_enough) {
      const auto validation = metrics::predict(workspace, *job.samples[1], s.integer("batch_size"));
      far_enough = metrics::accuracy(validation) < stop_accuracy;
    }
  }
  result.outputs = {workspace.difference(base), workspace.difference(nullptr)};
  result.figures["radius"] = radius;
  result.figures["distance"] = std::sqrt(squared_distance(w, w_ref));
  result.figures["steps"] = static_cast<double>(step);
  return result;
}

}  // namespace afu::methods
