#include "calibrate/objective.hpp"

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

config::Values calibration_values(const config::Scenario& scenario, std::uint64_t job) {
  const auto& c = scenario.calibration;
  const bool annealed = job < static_cast<std::uint64_t>(c.anneal_jobs);
  double lambda = c.invariance == "none" ? 0.0 : annealed ? std::min(1.0, c.lambda) : c.lambda;
  if (c.placebo) lambda = 0;
  config::Values v;
  v.set("lr", c.lr);
  v.set("momentum", c.momentum);
  v.set("clip_norm", c.clip_norm);
  v.set("optimiser", c.optimiser);
  v.set("risk", c.placebo ? 1.0 : c.risk);
  v.set("beta", c.placebo ? 0.0 : c.beta);
  v.set("kd", c.placebo ? 0.0 : c.kd);
  v.set("lambda", lambda);
  v.set("divisor", c.divide_loss ? std::max(1.0, lambda) : 1.0);
  v.set("fisher", c.placebo ? 0.0 : c.fisher);
  v.set("fisher_form", c.fisher_form);
  v.set("invariance", c.invariance);
  v.set("perturbation", c.perturbation);
  v.set("irm_estimator", c.irm_estimator);
  v.set("environments", c.environments);
  v.set("batch_size", c.batch_size);
  v.set("sunset", c.sunset_jobs > 0);
  v.set("stages", std::int64_t{1});
  const auto& b = scenario.data.backdoor;
  v.set("trigger", b.trigger);
  v.set("trigger_size", b.size);
  v.set("trigger_opacity", b.opacity);
  return v;
}

Objective objective_of(const config::Values& s) {
  Objective o;
  o.risk = s.real("risk");
  o.beta = s.real("beta");
  o.kd = s.real("kd");
  o.lambda = s.real("lambda");
  o.divisor = s.real("divisor");
  o.invariance = invariance_named(s.text("invariance"));
  o.family = family_named(s.text("perturbation"));
  o.halves = s.text("irm_estimator") == "halves";
  o.interventional = s.text("environments") == "interventional";
  o.batch = s.integer("batch_size");
  o.trigger.trigger = s.text("trigger");
  o.trigger.size = s.integer("trigger_size");
  o.trigger.opacity = s.real("trigger_opacity");
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
