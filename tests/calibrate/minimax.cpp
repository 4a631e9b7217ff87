// The family minimax: what is added to all images and raises their cross entropy.
#include "calibrate/calibration_loss.hpp"
#include "calibrate/jobs.hpp"
#include "config/scenario.hpp"
#include "config/sections/calibration_research.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;
using test::Lane;

namespace {

config::Scenario scenario(double radius) {
  config::Scenario s;
  s.calibration.beta = 0;
  s.calibration.invariance = config::Invariance::perturbation;
  s.calibration.perturbation = config::Perturbation::minimax;
  s.calibration.research->minimax_radius = radius;
  return s;
}

calibrate::CalibrateJob job_of(const model::ParametersPtr& base, double radius, std::int64_t steps) {
  auto job = calibrate::calibrate_job(scenario(radius), 0);
  job.descent.steps = steps;
  job.base = base;
  job.environments = {test::rows(60, 80), test::rows(80, 95), test::rows(95, 120)};
  return job;
}

}  // namespace

TEST_CASE("what is added stays within the ball and raises the cross entropy more than any random direction") {
  Lane lane;
  const auto version = lane.trained(60);
  const auto order = lane.workspace->upload(*test::rows(60, 120));
  const auto batch = lane.workspace->gather(order, 0, 60);
  double last = 0;
  for (const double radius : {0.5, 1.0, 2.0}) {
    CAPTURE(radius);
    const auto looked = lane.run(job_of(version, radius, 0)).figures;
    CHECK(looked.at("penalty_before") > 1.5 * looked.at("risk_before"));
    CHECK(looked.at("penalty_before") > last);
    last = looked.at("penalty_before");
    torch::manual_seed(3);
    lane.workspace->load(*version);
    torch::NoGradGuard no_grad;
    for (int i = 0; i < 20; ++i) {
      auto random = torch::randn({1, 8, 8});
      random *= radius / random.norm().item<double>();
      const auto z = lane.workspace->net().forward((batch.images + random).clamp(-1, 1));
      CHECK(at::cross_entropy_loss(z, batch.labels).item<double>() < last);
    }
  }
}

TEST_CASE("one step of ascent goes up the gradient by the radius, over all batches together") {
  Lane lane("logreg", 1500);
  const auto version = lane.trained(100, 1);
  auto job = job_of(version, 0.75, 0);
  job.objective.ascent_steps = 1;
  job.environments = {test::rows(0, 400), test::rows(400, 700), test::rows(700, 1200)};
  const auto looked = lane.run(job);
  const auto order = lane.workspace->upload(*test::rows(0, 1200));
  const auto batch = lane.workspace->gather(order, 0, 1200);
  lane.workspace->load(*version);
  auto added = torch::zeros({1, 8, 8}).set_requires_grad(true);
  at::cross_entropy_loss(lane.workspace->net().forward((batch.images + added).clamp(-1, 1)), batch.labels)
      .backward();
  torch::NoGradGuard no_grad;
  const auto worst = added.grad() * (0.75 / added.grad().norm().item<double>());
  const auto z = lane.workspace->net().forward((batch.images + worst).clamp(-1, 1));
  CHECK(looked.figures.at("penalty_before") ==
        doctest::Approx(at::cross_entropy_loss(z, batch.labels).item<double>()).epsilon(1e-4));
  CHECK(looked.samples == 1200 * (1 + 2));  // one of ascent; the risk and the penalty
}

TEST_CASE("a calibration makes a model less sensitive to the worst that is added") {
  Lane lane;
  const auto version = lane.trained(60);
  auto job = job_of(version, 2, 40);
  job.objective.lambda = 3;
  const auto result = lane.run(job);
  CHECK(result.figures.at("penalty_after") < 0.8 * result.figures.at("penalty_before"));
  CHECK(lane.run(job).outputs.at(0)->values.equal(result.outputs.at(0)->values));
}

TEST_CASE(
    "one calibration after the other, each against what is worst by then, leaves less than clean steps do") {
  Lane lane;
  const auto worst_after = [&](double lambda) {
    auto version = lane.trained(60);
    for (int round = 0; round < 20; ++round) {
      auto job = job_of(version, 2, 4);
      job.objective.lambda = lambda;
      version = lane.plus(version, lane.run(job).outputs.at(0));
    }
    return lane.run(job_of(version, 2, 0)).figures.at("penalty_before");
  };
  const double robust = worst_after(1), clean = worst_after(0);
  CHECK(robust < 0.7 * clean);
}

TEST_CASE("the reference of the worst is the cross entropy under harmless augmentations") {
  Lane lane;
  auto job = job_of(lane.trained(60), 2, 0);
  job.sunset = true;
  const auto f = lane.run(job).figures;
  CHECK(f.at("penalty_reference") > 0);
  CHECK(f.at("penalty_reference") < f.at("penalty_before"));
  auto s = scenario(2).calibration;
  CHECK(calibrate::passes_per_sample(s) == 2);
  CHECK(calibrate::reference_passes(s) == 2);
}
