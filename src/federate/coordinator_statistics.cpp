/// Running statistics (BatchNorm): they hold what the target's images were like, and no erasure of weights
/// takes that out. The calibrator takes them anew, on the calibration images of those who do not ask, for the
/// very model that an erasure publishes; late updates bring none along.
#include <utility>

#include "engine/combine_job.hpp"
#include "federate/coordinator.hpp"
#include "methods/calibration.hpp"
#include "methods/statistics_job.hpp"

namespace afu::federate {

/// Has the statistics of `model`, which `step` would publish, be computed first; false: it may be published
/// at once.
bool Coordinator::take_statistics(Active& a, engine::Combination model, methods::Step step, Effects& fx) {
  if (!setup_.statistics) return false;
  methods::StatisticsJob job{std::move(model), environments()};
  if (setup_.data && job.samples.empty()) {
    warn(
        "BatchNorm's statistics still hold the erased samples' share: nobody who stays has calibration "
        "images to take them anew");
    return false;
  }
  const double passes = methods::calibration_samples(view(a)) * methods::statistics_passes;
  a.record.server_passes += passes;
  a.waiting = Active::Waiting::calibrate;
  a.unsettled = std::move(step);
  CalibrateTask task{a.request.index, version_, passes, nullptr};
  if (!timing()) task.job = std::make_shared<const job::Job>(std::move(job));
  fx.posts.push_back({record::server_node, record::calibrator_node, 0, -1, false, 0, std::move(task)});
  return true;
}

/// They are there: what waited for them goes on.
void Coordinator::settle_statistics(Active& a, const job::JobResult* result, Effects& fx) {
  auto step = *std::exchange(a.unsettled, std::nullopt);
  const auto settled = methods::first_output(result);
  a.waiting = Active::Waiting::nothing;
  if (std::holds_alternative<methods::Replace>(step)) return replace(a, settled, fx);
  auto merge = merge_of(a, std::get<methods::MergeErasure>(step));
  merge.statistics = settled;
  a.waiting = Active::Waiting::merge;
  merges_.push_back(std::move(merge));
}

}  // namespace afu::federate
