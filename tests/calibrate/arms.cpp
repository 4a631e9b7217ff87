// The calibrator's arms: what each adds to the loss, and the controls that must change nothing.
#include <cmath>

#include "calibrate/jobs.hpp"
#include "calibrate/losses.hpp"
#include "calibrate/objective.hpp"
#include "config/scenario.hpp"
#include "config/sections/calibration_research.hpp"
#include "engine/execute.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;
using test::Lane;

namespace {

calibrate::CalibrateJob job_of(const config::Scenario& s, const model::ParametersPtr& base,
                               const model::ParametersPtr& before) {
  auto job = calibrate::calibrate_job(s, 0);
  job.descent.steps = 3;

  job.base = base;
  job.before = before;
  job.environments = {test::rows(60, 80), test::rows(80, 95), test::rows(95, 120)};
  job.key = {1, base::purpose("test"), 0, 0};
  return job;
}

config::Scenario with(const std::string& invariance, const std::string& perturbation = "default") {
  config::Scenario s;
  s.calibration.invariance = config::named<config::Invariance>(invariance, "invariance");
  s.calibration.perturbation = config::named<config::Perturbation>(perturbation, "perturbation");
  s.data.backdoor.trigger = config::Trigger::patch;
  s.data.backdoor.size = 3;
  return s;
}

torch::Tensor logits_of(double seed, std::int64_t rows) {
  return torch::arange(rows * 3, torch::kFloat64).mul(seed).sin().mul(3).view({rows, 3});
}

}  // namespace

TEST_CASE("the halves' IRM penalty is the product of two derivatives, each as differences give it") {
  const auto z = logits_of(1.7, 7);
  const auto y = torch::tensor({0, 2, 1, 1, 0, 2, 0}, torch::kInt64);
  const double h = 1e-5;
  const auto derivative = [&](std::int64_t first) {
    const auto zs = z.slice(0, first, 7, 2), ys = y.slice(0, first, 7, 2);
    const auto risk = [&](double scale) {
      return calibrate::environment_risk(zs * scale, ys).item<double>();
    };
    return (risk(1 + h) - risk(1 - h)) / (2 * h);
  };
  CHECK(calibrate::irm_penalty_of_halves(z, y).item<double>() ==
        doctest::Approx(derivative(0) * derivative(1)).epsilon(1e-8));
  CHECK_THROWS_AS(calibrate::irm_penalty_of_halves(z.narrow(0, 0, 1), y.narrow(0, 0, 1)),
                  std::invalid_argument);
}

TEST_CASE("the shares of the variance add up to it, and their gradients to its own") {
  auto risks = torch::tensor({0.3, 1.1, 0.7, 2.0}, torch::kFloat64).set_requires_grad(true);
  const auto mean = risks.detach().mean();
  auto sum = torch::zeros({}, torch::kFloat64);
  for (int e = 0; e < 4; ++e) sum = sum + calibrate::variance_share(risks[e], mean, 4);
  const double m = (0.3 + 1.1 + 0.7 + 2.0) / 4;
  double variance = 0;
  for (double r : {0.3, 1.1, 0.7, 2.0}) variance += (r - m) * (r - m) / 4;
  CHECK(sum.item<double>() == doctest::Approx(variance));
  sum.backward();
  const auto gradient = risks.grad().clone();
  risks.mutable_grad().zero_();
  (risks - risks.mean()).square().mean().backward();
  CHECK(test::largest(gradient - risks.grad()) < 1e-12);
}

TEST_CASE("the variance of the risks is that of the environments, whatever batches they are in") {
  Lane lane("logreg", 1500);
  const auto version = lane.trained(100, 1);
  auto job = job_of(with("vrex"), version, version);
  job.environments = {test::rows(0, 400), test::rows(400, 700), test::rows(700, 1200)};  // three batches
  job.descent.steps = 0;
  const auto result = lane.run(job);
  const auto z = lane.logits(version, test::rows(0, 1200));
  const auto y = lane.labels(test::rows(0, 1200));
  std::vector<double> risks;
  for (auto [begin, n] : {std::pair<int, int>{0, 400}, {400, 300}, {700, 500}})
    risks.push_back(calibrate::environment_risk(z.narrow(0, begin, n), y.narrow(0, begin, n)).item<double>());
  const double mean = (risks[0] + risks[1] + risks[2]) / 3;
  double variance = 0;
  for (double r : risks) variance += (r - mean) * (r - mean) / 3;
  CHECK(result.figures.at("penalty_before") == doctest::Approx(variance).epsilon(1e-3));
  CHECK(result.figures.at("risk_before") == doctest::Approx(mean).epsilon(1e-5));
  CHECK(result.figures.at("loss_before") == doctest::Approx(mean + variance).epsilon(1e-5));
}

TEST_CASE("a model that sees no image is invariant to every perturbation, a trained one is not") {
  Lane lane;
  const auto blind = lane.workspace->wrap(torch::zeros_like(lane.initial->values), lane.initial->buffers);
  for (const char* family : {"blind", "oracle"}) {
    CAPTURE(family);
    auto job = job_of(with("perturbation", family), blind, blind);
    job.descent.steps = 0;
    CHECK(std::abs(lane.run(job).figures.at("penalty_before")) < 1e-7);
    job.base = lane.trained(60);
    job.before = lane.trained(60);
    CHECK(lane.run(job).figures.at("penalty_before") > 1e-4);
  }
}

TEST_CASE("the perturbation arm makes a model less sensitive to the trigger") {
  Lane lane;
  const auto version = lane.trained(60);
  auto s = with("perturbation", "oracle");
  s.calibration.lambda = 5;
  auto job = job_of(s, version, version);
  job.descent.steps = 30;
  const auto result = lane.run(job);
  CHECK(result.figures.at("penalty_after") < 0.5 * result.figures.at("penalty_before"));
}

TEST_CASE("without weights the calibrator returns exactly zero") {
  Lane lane;
  for (const char* invariance : {"none", "perturbation", "irm", "vrex"})
    for (const auto optimiser : {config::Optimiser::sgd, config::Optimiser::adam}) {
      CAPTURE(invariance);
      CAPTURE(config::name_of(optimiser));
      auto s = with(invariance);
      s.calibration.risk = s.calibration.beta = s.calibration.lambda = 0;
      s.calibration.optimiser = optimiser;
      const auto result = lane.run(job_of(s, lane.initial, lane.trained(60, 1)));
      CHECK(test::largest(result.outputs.at(0)->values) == 0);
      CHECK(result.figures.at("norm") == 0);
    }
}

TEST_CASE("a placebo is the cross entropy alone, and tells the penalty all the same") {
  Lane lane;
  const auto before = lane.trained(60, 2);
  config::Scenario plain;
  plain.calibration.beta = 0;
  const auto expected = lane.run(job_of(plain, lane.initial, before));
  for (const char* invariance : {"none", "perturbation", "irm", "vrex"}) {
    CAPTURE(invariance);
    auto s = with(invariance);
    s.calibration.placebo = true;
    s.calibration.research->kd = 1;
    s.calibration.research->fisher = 1;
    const auto placebo = lane.run(job_of(s, lane.initial, before));
    CHECK(at::equal(placebo.outputs.at(0)->values, expected.outputs.at(0)->values));
    CHECK(placebo.figures.count("penalty_before") == (invariance != std::string("none")));
  }
}

TEST_CASE("every arm changes what is learned, and is the same when run again") {
  Lane lane;
  const auto before = lane.trained(60, 2);
  const auto plain = lane.run(job_of(config::Scenario{}, lane.initial, before));
  for (const char* invariance : {"perturbation", "irm", "vrex"}) {
    CAPTURE(invariance);
    const auto job = job_of(with(invariance), lane.initial, before);
    const auto result = lane.run(job);
    CHECK(!at::equal(result.outputs.at(0)->values, plain.outputs.at(0)->values));
    CHECK(at::equal(result.outputs.at(0)->values, lane.run(job).outputs.at(0)->values));
  }
}

TEST_CASE("interventional environments are four a client; the KL looks at clean images only") {
  Lane lane;
  const auto before = lane.trained(60, 2);
  auto s = with("vrex");
  auto job = job_of(s, lane.initial, before);
  job.descent.steps = 0;
  const auto client = lane.run(job);
  s.calibration.environments = config::EnvironmentKind::interventional;
  auto more = job_of(s, lane.initial, before);
  more.descent.steps = 0;
  const auto interventional = lane.run(more);
  CHECK(interventional.figures.at("kl_before") == doctest::Approx(client.figures.at("kl_before")));
  CHECK(interventional.figures.at("risk_before") != doctest::Approx(client.figures.at("risk_before")));
  // The teacher sees 60 clean images; the variance looks twice at all 240.
  CHECK(client.samples == 60 + 2 * 60);
  CHECK(interventional.samples == 60 + 2 * 240);
}

TEST_CASE("annealing keeps lambda at 1 first, and the loss may be divided by it") {
  auto s = with("irm");
  s.calibration.lambda = 100;
  s.calibration.research->anneal_jobs = 2;
  s.calibration.research->divide_loss = true;
  CHECK(calibrate::objective_of(s, 1).lambda == 1);
  CHECK(calibrate::objective_of(s, 1).divisor == 1);
  CHECK(calibrate::objective_of(s, 2).lambda == 100);
  CHECK(calibrate::objective_of(s, 2).divisor == 100);
  Lane lane;
  auto job = job_of(s, lane.initial, lane.initial);
  job.objective = calibrate::objective_of(s, 2);
  job.descent.steps = 0;

  const auto f = lane.run(job).figures;
  CHECK(f.at("loss_before") ==
        doctest::Approx((f.at("risk_before") + f.at("kl_before") + 100 * f.at("penalty_before")) / 100));
}

TEST_CASE("the Fisher anchor, in the step and after it, by hand") {
  Lane lane;
  const auto anchor = lane.trained(60, 1);
  const auto fisher = lane.workspace->wrap(
      torch::arange(anchor->values.numel(), torch::kFloat32).remainder(3), anchor->buffers);
  config::Scenario s;
  s.calibration.beta = 0;
  s.calibration.momentum = 0;
  s.calibration.clip_norm = 0;
  auto job = job_of(s, lane.initial, anchor);
  job.descent.steps = 1;
  const auto plain = lane.run(job).outputs.at(0)->values;
  s.calibration.research->fisher = 0.5;
  for (const auto form : {config::FisherForm::gradient, config::FisherForm::proximal}) {
    CAPTURE(config::name_of(form));
    s.calibration.research->fisher_form = form;
    job.descent = calibrate::calibrate_job(s, 0).descent;
    job.descent.steps = 1;
    job.erased = anchor;
    job.fisher = fisher;
    const auto delta = lane.run(job).outputs.at(0)->values;
    const auto w = lane.initial->values, f = fisher->values * (0.01 * 0.5);
    const auto expected = form == config::FisherForm::gradient
                              ? plain - f * (w - anchor->values)
                              : (w + plain + f * anchor->values) / (1 + f) - w;
    CHECK(test::largest(delta - expected) < 1e-6);
    CHECK(test::largest(delta - plain) > 1e-5);
  }
  job.erased = job.fisher = nullptr;
  CHECK(engine::execute(*lane.workspace, job).error ==
        "calibrate: the Fisher anchor needs the erased model and its Fisher information");
}

TEST_CASE("distillation to the erased model pulls the outputs to it") {
  Lane lane;
  const auto erased = lane.trained(60, 3);
  config::Scenario s;
  s.calibration.risk = s.calibration.beta = 0;
  s.calibration.research->kd = 1;
  auto job = job_of(s, lane.initial, lane.initial);
  job.erased = erased;
  job.descent.steps = 20;
  const auto f = lane.run(job).figures;
  CHECK(f.at("kd_after") < f.at("kd_before"));
  CHECK(f.at("loss_before") == doctest::Approx(f.at("kd_before")));
}

TEST_CASE("the difference is compared with the erasure, and the level is the model's before it") {
  Lane lane;
  const auto before = lane.trained(60, 2);
  auto job = job_of(config::Scenario{}, lane.initial, before);
  job.reference = true;
  job.erasure = before;
  const auto result = lane.run(job);
  const auto d = result.outputs.at(0)->values, e = before->values;
  CHECK(result.figures.at("norm") == doctest::Approx(d.norm().item<double>()));
  CHECK(result.figures.at("cosine") ==
        doctest::Approx(-(d * e).sum().item<double>() / (d.norm() * e.norm()).item<double>()).epsilon(1e-4));
  job.base = before;
  job.erasure = nullptr;
  job.descent.steps = 0;
  const auto same = lane.run(job);
  CHECK(same.figures.at("risk_reference") == doctest::Approx(same.figures.at("risk_before")));
}
