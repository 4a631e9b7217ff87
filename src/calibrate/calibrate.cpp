#include "calibrate/jobs.hpp"

#include <fmt/format.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "calibrate/calibration_loss.hpp"
#include "config/scenario.hpp"
#include "config/sections/calibration_research.hpp"
#include "engine/sgd.hpp"
#include "engine/workspace.hpp"

namespace afu::calibrate {
namespace {

/// One kind of step, as the job says.
class Optimiser {
 public:
  Optimiser(engine::Workspace& workspace, const CalibrateJob& job)
      : workspace_(workspace), sgd_(job.descent.sgd) {
    if (job.descent.adam)
      adam_ = std::make_unique<engine::Adam>(workspace.parameters(), sgd_.lr);
    else
      momentum_ = workspace.momentum();
    if (job.mask) extras_.mask = job.mask->values.to(workspace.device());
    if (job.descent.fisher == 0) return;
    if (!job.erased || !job.fisher)
      throw std::invalid_argument("the Fisher anchor needs the erased model and its Fisher information");
    const auto anchor = job.erased->values.to(workspace.device()),
               fisher = job.fisher->values.to(workspace.device());
    if (job.descent.proximal) {
      pull_ = fisher * (sgd_.lr * job.descent.fisher);
      towards_ = anchor;
    } else {
      extras_.anchor = anchor;
      extras_.fisher = fisher;
      extras_.strength = job.descent.fisher;
    }
  }

  /// Pruned parameters become 0, in the weights and in the gradient.
  void prune() {
    torch::NoGradGuard no_grad;
    if (!extras_.mask.defined()) return;
    workspace_.parameters().mul_(extras_.mask);
    workspace_.gradients().mul_(extras_.mask);
  }
  /// How many pruned parameters are not 0.
  std::int64_t slipped() const {
    return (workspace_.parameters().ne(0) & extras_.mask.eq(0)).sum().item<std::int64_t>();
  }

  /// From the workspace's gradient.
  void step() {
    auto &w = workspace_.parameters(), &g = workspace_.gradients();
    const bool pulled = extras_.anchor.defined(), masked = extras_.mask.defined();
    if (adam_) {
      torch::NoGradGuard no_grad;
      if (pulled) g.addcmul_(extras_.fisher, w - extras_.anchor, extras_.strength);
      if (masked) g.mul_(extras_.mask);
      if (sgd_.clip_norm > 0) engine::clip(g, sgd_.clip_norm);
      adam_->step(w, g);
    } else {
      engine::sgd_step(w, g, momentum_, {}, sgd_, pulled || masked ? &extras_ : nullptr);
    }
    if (pull_.defined()) {
      torch::NoGradGuard no_grad;
      w.add_(pull_ * towards_).div_(pull_ + 1);
      prune();
    }
  }

 private:
  engine::Workspace& workspace_;
  engine::SgdSettings sgd_;
  torch::Tensor momentum_;
  std::unique_ptr<engine::Adam> adam_;
  engine::StepExtras extras_;
  torch::Tensor pull_, towards_;  ///< of a proximal step
};

/// The gradient becomes that at w + rho g / |g|, on what the last step took.
void take_sharp_gradient(engine::Workspace& workspace, CalibrationLoss& loss, std::uint64_t draw,
                         double rho) {
  auto &w = workspace.parameters(), &g = workspace.gradients();
  const double steep = g.norm().item<double>();
  if (steep == 0) return;
  const auto here = w.detach().clone();
  {
    torch::NoGradGuard no_grad;
    w.add_(g, rho / steep);
  }
  loss.again(draw);
  torch::NoGradGuard no_grad;
  w.copy_(here);
}

/// A path through the erasure, for the workspace's parameters.
class Stages {
 public:
  Stages(engine::Workspace& workspace, const CalibrateJob& job)
      : workspace_(workspace), count_(job.descent.stages), steps_(job.descent.steps) {
    if (count_ == 1) return;
    if (count_ < 1 || count_ > steps_)
      throw std::invalid_argument(fmt::format("stages is {}, allowed is 1 to {}", count_, steps_));
    if (!job.erasure) throw std::invalid_argument("stages need the erasure as an input");
    erasure_ = job.erasure->values.to(workspace.device());
  }

  bool several() const { return count_ > 1; }
  /// To the model before the erasure.
  void begin() const {
    torch::NoGradGuard no_grad;
    if (several()) workspace_.parameters().sub_(erasure_);
  }
  /// Before a step: the next part of the erasure, where its time has come.
  void at(std::int64_t step) {
    if (!several() || step < taken_ * steps_ / count_) return;
    ++taken_;
    torch::NoGradGuard no_grad;
    workspace_.parameters().add_(erasure_, 1.0 / static_cast<double>(count_));
  }

 private:
  engine::Workspace& workspace_;
  std::int64_t count_, steps_, taken_ = 0;
  torch::Tensor erasure_;
};

void report(job::JobResult& result, const std::string& when, const CalibrationLoss::Values& v) {
  const auto figure = [&](const char* name, const torch::Tensor& t) {
    if (t.defined()) result.figures[name + when] = t.item<double>();
  };
  figure("loss", v.total);
  figure("risk", v.risk);
  figure("kl", v.kl);
  figure("kd", v.kd);
  figure("penalty", v.penalty);
}

}  // namespace

CalibrateJob calibrate_job(const config::Scenario& scenario, std::uint64_t number) {
  const auto& c = scenario.calibration;
  CalibrateJob job;
  job.objective = objective_of(scenario, number);
  auto& d = job.descent;
  d.sgd.lr = c.lr;
  d.sgd.momentum = c.momentum;
  d.sgd.clip_norm = c.clip_norm;
  d.adam = c.optimiser == config::Optimiser::adam;
  d.fisher = c.placebo ? 0.0 : c.research->fisher;
  d.proximal = c.research->fisher_form == config::FisherForm::proximal;
  d.sharpness = c.research->sharpness;
  job.sunset = c.research->sunset_jobs > 0;
  return job;
}

job::JobResult run(engine::Workspace& workspace, const CalibrateJob& job) {
  const bool taught = job.objective.beta != 0 || job.reference;
  if (!job.base || (taught && !job.before))
    throw std::invalid_argument("the inputs are the base and the teacher");
  const auto steps = job.descent.steps;
  if (steps < 0) throw std::invalid_argument(fmt::format("steps is {}, allowed is 0 or more", steps));
  const auto& objective = job.objective;

  workspace.net().train(false);
  CalibrationLoss loss(workspace, job.environments, objective, job.key, job.trigger);
  job::JobResult result;
  if (job.before) loss.set_before(*job.before);
  if (job.reference) result.figures["risk_reference"] = loss.at(0, false).risk.item<double>();
  if (objective.kd != 0 || objective.invariance == Invariance::features) {
    if (!job.erased)
      throw std::invalid_argument("distillation and features need the erased model as an input");
    loss.set_erased(*job.erased);
  }
  workspace.load(*job.base);
  if (objective.invariance == Invariance::perturbation && objective.family == Family::minimax)
    loss.find_worst();

  Optimiser optimiser(workspace, job);
  if (job.mask) result.figures["slipped"] = static_cast<double>(optimiser.slipped());
  const bool penalised = objective.invariance != Invariance::none;
  if (penalised && job.sunset) result.figures["penalty_reference"] = loss.reference_penalty().item<double>();
  // What the first step computes is not all that is to be reported where it begins elsewhere, takes a part of
  // the set, or the penalty has no weight.
  Stages stages(workspace, job);
  const bool look_first = steps == 0 || stages.several() || objective.batch > 0 || job.mask ||
                          (penalised && objective.lambda == 0);
  if (look_first) report(result, "_before", loss.at(0, false));
  stages.begin();
  for (std::int64_t step = 0; step < steps; ++step) {
    const auto draw = static_cast<std::uint64_t>(step);
    stages.at(step);
    optimiser.prune();
    const auto here = loss.step(draw);
    if (step == 0 && !look_first) report(result, "_before", here);
    if (job.descent.sharpness > 0) {
      optimiser.prune();
      take_sharp_gradient(workspace, loss, draw, job.descent.sharpness);
    }
    optimiser.step();
  }
  if (steps == 0) {
    for (const auto& [name, value] : std::map<std::string, double>(result.figures))
      if (const auto end = name.rfind("_before"); end != std::string::npos)
        result.figures[name.substr(0, end) + "_after"] = value;
  } else {
    report(result, "_after", loss.at(0, false));
  }

  result.outputs = {workspace.difference(job.base)};
  const auto delta = result.outputs[0]->values.to(torch::kFloat64);
  const double norm = delta.norm().item<double>();
  result.figures["norm"] = norm;
  result.figures["steps"] = static_cast<double>(steps);
  if (job.erasure && norm > 0) {
    const auto erasure = job.erasure->values.to(workspace.device(), torch::kFloat64);
    const double length = erasure.norm().item<double>();
    if (length > 0) result.figures["cosine"] = -at::dot(delta, erasure).item<double>() / (norm * length);
  }
  result.samples = loss.passes();
  return result;
}

}  // namespace afu::calibrate
