#include "methods/afu_ic/erasures.hpp"

#include <utility>

#include "calibrate/jobs.hpp"
#include "config/scenario.hpp"
#include "engine/kernel_job.hpp"
#include "methods/calibration.hpp"

namespace afu::methods {

Erase uce_erasure(const View& view, const Request& request) {
  const auto& s = *view.settings;
  job::KernelJob job;
  job.kernel = "uce";
  job.settings.set("lr", s.real("uce_lr"));
  job.settings.set("momentum", 0.9);
  job.settings.set("clip_norm", 1.0);
  job.settings.set("epochs", s.integer("uce_epochs"));
  job.settings.set("batch_size", std::int64_t{32});
  job.settings.set("radius", s.real("uce_radius"));
  job.inputs = {view.model};
  job.samples = {request.forget};
  job.key = {view.scenario->scenario.seed, base::purpose("uce"), request.client, request.index};
  return {std::move(job), static_cast<double>(request.forget_count * s.integer("uce_epochs")), true};
}

Erase layer_gains_erasure(const View& view) {
  calibrate::LayerGainsJob job;
  job.gain = view.settings->real("gain");
  job.spread = view.settings->real("gain_spread");
  job.steps = view.settings->integer("gain_steps");
  job.beta = view.scenario->calibration.beta;
  job.model = view.model;
  if (view.model) job.influence = view.target->influence;
  job.environments = view.environments;
  const auto passes = calibration_samples(view) * static_cast<double>(job.steps + 1);
  return {std::move(job), passes, false};
}

Erase erasure_sketch(const View& view, const Request& request) {
  constexpr std::int64_t kMore = 8;
  calibrate::SketchJob job;
  job.count = view.scenario->calibration.guard_rank + kMore;
  job.model = view.model;
  job.forget = request.forget;
  job.key = {view.scenario->scenario.seed, base::purpose("gradient_sketch"), request.client, request.index};
  const auto passes = static_cast<double>(job.count * job.batch_size);
  return {std::move(job), passes, true};
}

Calibrate guard_subspace(const View& view, const ParametersPtr& erasure, const job::JobResult* sketch) {
  calibrate::SubspaceJob job;
  job.rank = view.scenario->calibration.guard_rank;
  job.model = view.model;
  job.erasure = erasure;
  if (sketch) job.sketch = sketch->outputs;
  job.environments = view.environments;
  return {std::move(job), calibration_samples(view)};
}

Erase matching_at_target(const View& view, const Request& request) {
  const auto& s = *view.settings;
  const auto steps = s.integer("match_steps");
  job::KernelJob job;
  job.kernel = "match_held_out";
  job.settings.set("lr", s.real("match_lr"));
  job.settings.set("momentum", 0.0);
  job.settings.set("clip_norm", 1.0);
  job.settings.set("match_steps", steps);
  job.inputs = {view.model};
  job.samples = {request.forget, request.non_members};
  const double h = view.scenario->partition.holdout_fraction;
  const double held_out = request.non_members ? static_cast<double>(request.non_members->size())
                                              : static_cast<double>(request.forget_count) * h / (1 - h);
  return {std::move(job), static_cast<double>(request.forget_count * steps) + held_out, true};
}

}  // namespace afu::methods
