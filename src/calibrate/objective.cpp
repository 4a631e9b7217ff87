#include "calibrate/objective.hpp"
#include "config/scenario.hpp"
#include "config/sections/calibration_research.hpp"

#include <algorithm>
#include <stdexcept>

namespace afu::calibrate {
namespace {

Invariance invariance_named(const std::string& name) {
  if (name == "none") return Invariance::none;
  if (name == "perturbation") return Invariance::perturbation;
  if (name == "irm") return Invariance::irm;
  if (name == "vrex") return Invariance::vrex;
  throw std::invalid_argument("invariance '" + name + "' is unknown");
}

Family family_named(const std::string& name) {
  if (name == "blind" || name == "default") return Family::blind;
  if (name == "oracle") return Family::oracle;
  if (name == "adversarial") return Family::adversarial;
  throw std::invalid_argument("perturbation '" + name + "' is unknown");
}

}  // namespace

Objective objective_of(const config::Scenario& scenario, std::uint64_t job) {
  const auto& c = scenario.calibration;
  const bool annealed = job < static_cast<std::uint64_t>(c.research->anneal_jobs);
  Objective o;
  o.lambda = c.invariance == "none" ? 0.0 : annealed ? std::min(1.0, c.lambda) : c.lambda;
  if (c.placebo) o.lambda = 0;
  o.risk = c.placebo ? 1.0 : c.risk;
  o.beta = c.placebo ? 0.0 : c.beta;
  o.kd = c.placebo ? 0.0 : c.research->kd;
  o.divisor = c.research->divide_loss ? std::max(1.0, o.lambda) : 1.0;
  o.invariance = invariance_named(c.invariance);
  o.family = family_named(c.perturbation);
  o.halves = c.research->irm_estimator == "halves";
  o.interventional = c.environments == "interventional";
  o.batch = c.batch_size;
  const auto& b = scenario.data.backdoor;
  o.trigger.trigger = b.trigger;
  o.trigger.size = b.size;
  o.trigger.opacity = b.opacity;
  return o;
}

namespace {
double environments_per_client(const config::CalibrationSection& c) {
  return c.environments == "interventional" ? 4 : 1;
}
}  // namespace

double passes_per_sample(const config::CalibrationSection& c) {
  double passes = environments_per_client(c);
  if (c.invariance == "perturbation" && !c.placebo && c.lambda > 0) passes += 1;
  return passes;
}

double penalty_passes(const config::CalibrationSection& c) {
  if (c.invariance == "perturbation") return environments_per_client(c) + 1;
  return environments_per_client(c) * (c.invariance == "vrex" ? 2 : 1);  // the risks' mean comes first
}

double reference_passes(const config::CalibrationSection& c) {
  return c.invariance == "perturbation" ? 3 : c.invariance == "vrex" ? 4 : 2;
}

}  // namespace afu::calibrate
