#include "methods/pga/job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "engine/combine.hpp"
#include "engine/sgd.hpp"
#include "engine/workspace.hpp"
#include "methods/pga/projection.hpp"
#include "methods/required.hpp"
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

job::JobResult run(engine::Workspace& workspace, const PgaJob& job) {
  const auto& base = required(job.base, "the base");
  required(job.reference.start, "w_ref");
  if (job.radius_frac <= 0)
    throw std::invalid_argument(fmt::format("radius_frac is {}, allowed is above 0", job.radius_frac));
  if (job.stop_accuracy > 0 && (!job.validation || job.validation->empty()))
    throw std::invalid_argument("stop_accuracy needs validation rows, there are none");
  const train::Schedule schedule(samples_to_forget(job.forget), job.batch_size, job.epochs, 0, job.key);
  const auto order = workspace.upload(schedule.order());

  workspace.load(*engine::combined(workspace, job.reference));
  workspace.net().train(false);
  auto& w = workspace.parameters();
  const auto w_ref = w.clone();
  const double radius = job.radius_frac * random_distance(workspace, w_ref, job.key);
  torch::Tensor w_last;
  double stop_at = std::numeric_limits<double>::infinity();
  if ((job.stop_factor > 0 || job.stop_distance > 0) && job.last) {
    w_last = engine::combined(workspace, *job.last)->values;
    if (job.stop_factor > 0) stop_at = job.stop_factor * squared_distance(w_ref, w_last);
    if (job.stop_distance > 0) stop_at = std::min(stop_at, job.stop_distance);
  }

  const auto limit = job.max_steps > 0 ? std::min(job.max_steps, schedule.steps()) : schedule.steps();
  auto momentum = workspace.momentum();
  job::JobResult result;
  std::int64_t step = 0;
  for (bool far_enough = false; step < limit && !far_enough; ++step) {
    const auto count = schedule.count(step);
    const auto batch = workspace.gather(order, schedule.begin(step), count);
    train::cross_entropy_gradient(workspace, batch, -1.0);
    engine::sgd_step(w, workspace.gradients(), momentum, {}, job.sgd);
    project_onto_ball(w, w_ref, radius);
    result.samples += count;
    if (w_last.defined()) far_enough = squared_distance(w, w_last) > stop_at;
    if (job.stop_accuracy > 0 && !far_enough) {
      const auto validation = metrics::predict(workspace, *job.validation, job.batch_size);
      far_enough = metrics::accuracy(validation) < job.stop_accuracy;
    }
  }
  result.outputs = {workspace.difference(base), workspace.difference(nullptr)};
  result.figures["radius"] = radius;
  result.figures["distance"] = std::sqrt(squared_distance(w, w_ref));
  result.figures["steps"] = static_cast<double>(step);
  return result;
}

}  // namespace afu::methods
