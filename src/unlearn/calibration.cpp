#include "unlearn/calibration.hpp"

#include <utility>

namespace afu::unlearn {

double calibration_samples(const View& view) {
  if (view.environments.empty())
    return static_cast<double>(view.scenario->calibration.samples_per_environment * (view.clients - 1));
  double samples = 0;
  for (const auto& e : view.environments) samples += static_cast<double>(e->size());
  return samples;
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
