#include "calibrate/gate.hpp"

#include <stdexcept>

#include "calibrate/calibration_loss.hpp"
#include "calibrate/jobs.hpp"

namespace afu::calibrate {

double gate_scale(const std::function<double(double scale)>& penalty, double limit) {
  double scale = 1;
  for (int halvings = 0; halvings < 3 && !(penalty(scale) <= limit); ++halvings) scale /= 2;
  return scale;
}

job::JobResult run(engine::Workspace& workspace, const GateJob& job) {
  if (!job.before || !job.after)
    throw std::invalid_argument("the inputs are the versions before and after a merge");
  const auto &before = job.before, &after = job.after;
  if (job.objective.invariance == Invariance::none)
    throw std::invalid_argument("there is no invariance whose penalty could be looked at");

  workspace.net().train(false);
  CalibrationLoss loss(workspace, job.samples, job.objective, job.key, job.trigger);
  const auto difference = (after->values - before->values).to(workspace.device());
  const auto penalty = [&](double scale) {
    torch::NoGradGuard no_grad;
    workspace.load(*after);  // the buffers are the later version's
    workspace.parameters().add_(difference, scale - 1);
    return loss.at(0, false).penalty.item<double>();
  };
  workspace.load(*before);
  job::JobResult result;
  auto& f = result.figures;
  f["penalty_before"] = loss.at(0, false).penalty.item<double>();
  f["scale"] = gate_scale(
      [&](double scale) {
        const double d = penalty(scale);
        f.emplace("penalty_after", d);  // the first is that of the whole merge
        return d;
      },
      f["penalty_before"] + job.epsilon);
  result.samples = loss.passes();
  return result;
}

}  // namespace afu::calibrate
