#include "unlearn/calibration.hpp"

#include <utility>

namespace afu::unlearn {

Step calibration(const View& view, const ParametersPtr& teacher, std::int64_t steps) {
  const auto& c = view.scenario->calibration;
  compute::KernelJob job;
  job.kernel = "calibrate";
  job.settings.set("steps", steps);
  job.settings.set("lr", c.lr);
  job.settings.set("momentum", c.momentum);
  job.settings.set("clip_norm", c.clip_norm);
  job.settings.set("beta", c.beta);
  job.settings.set("lambda", c.lambda);
  job.inputs = {view.model, teacher};
  job.samples = view.environments;
  double samples = 0;
  if (view.environments.empty())  // timing-only: the cost is known, the data are not
    samples = static_cast<double>(c.samples_per_environment * (view.clients - 1));
  for (const auto& e : view.environments) samples += static_cast<double>(e->size());
  return Calibrate{std::move(job), samples * static_cast<double>(steps)};
}

Step EraseAtTarget::next(const View& view, const compute::JobResult* result) {
  switch (stage_) {
    case Stage::start:
      stage_ = Stage::erase;
      if (blocking()) return Halt{};
      [[fallthrough]];
    case Stage::erase:
      stage_ = Stage::merge;
      return erase(view);
    case Stage::merge:
      stage_ = blocking() ? Stage::resume : Stage::forgotten;
      return merge(view, result);
    case Stage::resume:
      stage_ = Stage::forgotten;
      return Resume{};
    case Stage::forgotten:
      stage_ = Stage::finished;
      return Forgotten{};
    case Stage::finished:
      break;
  }
  return Done{};
}

}  // namespace afu::unlearn
