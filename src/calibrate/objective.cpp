#include "calibrate/objective.hpp"
#include "config/scenario.hpp"
#include "config/sections/calibration_research.hpp"

#include <algorithm>
#include <stdexcept>

namespace afu::calibrate {
namespace {

Family family_of(config::Perturbation asked) {
  switch (asked) {
    case config::Perturbation::oracle:
      return Family::oracle;
    case config::Perturbation::adversarial:
      return Family::adversarial;
    case config::Perturbation::minimax:
      return Family::minimax;
    case config::Perturbation::default_:
    case config::Perturbation::blind:
      break;
  }
  return Family::blind;
}

}  // namespace

Objective objective_of(const config::Scenario& scenario, std::uint64_t job) {
  const auto& c = scenario.calibration;
  const bool annealed = job < static_cast<std::uint64_t>(c.research->anneal_jobs);
  Objective o;
  o.lambda = c.invariance == Invariance::none ? 0.0 : annealed ? std::min(1.0, c.lambda) : c.lambda;
  if (c.placebo) o.lambda = 0;
  o.risk = c.placebo ? 1.0 : c.risk;
  o.beta = c.placebo ? 0.0 : c.beta;
  o.kd = c.placebo ? 0.0 : c.research->kd;
  o.divisor = c.research->divide_loss ? std::max(1.0, o.lambda) : 1.0;
  o.invariance = c.invariance;
  o.family = family_of(c.perturbation);
  o.halves = c.research->irm_estimator == config::IrmEstimator::halves;
  o.interventional = c.environments == config::EnvironmentKind::interventional;
  o.batch = c.batch_size;
  o.ascent_steps = c.research->minimax_steps;
  o.ascent_radius = c.research->minimax_radius;
  const auto& b = scenario.data.backdoor;
  o.trigger.trigger = b.trigger;
  o.trigger.size = b.size;
  o.trigger.opacity = b.opacity;
  o.trigger.warp_strength = b.warp_strength;
  o.trigger.warp_grid = b.warp_grid;
  return o;
}

namespace {
double environments_per_client(const config::CalibrationSection& c) {
  return c.environments == config::EnvironmentKind::interventional ? 4 : 1;
}
}  // namespace

double passes_per_sample(const config::CalibrationSection& c) {
  double passes = environments_per_client(c);
  const bool altered = c.invariance == Invariance::perturbation || c.invariance == Invariance::difference;
  if (altered && !c.placebo && c.lambda > 0) passes += 1;
  if (c.invariance == Invariance::features && !c.placebo && c.lambda > 0) passes += 2;
  return c.research->sharpness > 0 ? 2 * passes : passes;
}

double penalty_passes(const config::CalibrationSection& c) {
  if (c.invariance == Invariance::perturbation || c.invariance == Invariance::difference)
    return environments_per_client(c) + 1;
  return environments_per_client(c) *
         (c.invariance == Invariance::vrex ? 2 : 1);  // the risks' mean comes first
}

double reference_passes(const config::CalibrationSection& c) {
  if (c.invariance == Invariance::perturbation && c.perturbation == config::Perturbation::minimax) return 2;
  if (c.invariance == Invariance::perturbation || c.invariance == Invariance::features) return 3;
  return c.invariance == Invariance::vrex ? 4 : 2;
}

}  // namespace afu::calibrate
