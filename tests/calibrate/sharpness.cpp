// Sharpness-aware steps, by hand.
#include "calibrate/jobs.hpp"
#include "config/scenario.hpp"
#include "config/sections/calibration_research.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;
using test::Lane;

namespace {

constexpr double lr = 0.01, rho = 0.3;

calibrate::CalibrateJob one_step(const model::ParametersPtr& base, double sharpness,
                                 const char* perturbation = nullptr) {
  config::Scenario s;
  auto& c = s.calibration;
  c.beta = c.momentum = c.clip_norm = 0;
  c.lr = lr;
  c.research->sharpness = sharpness;
  if (perturbation) {
    c.invariance = config::Invariance::perturbation;
    c.perturbation = config::named<config::Perturbation>(perturbation, "perturbation");
    c.lambda = 2;
  }
  auto job = calibrate::calibrate_job(s, 0);
  job.descent.steps = 1;
  job.base = base;
  job.environments = {test::rows(60, 80), test::rows(80, 95), test::rows(95, 120)};
  job.key = {1, base::purpose("test"), 0, 0};
  return job;
}

}  // namespace

TEST_CASE("a sharpness-aware step takes the gradient rho uphill, on the same samples and perturbations") {
  Lane lane;
  const auto base = lane.trained(60, 1);
  for (const char* perturbation : {static_cast<const char*>(nullptr), "blind"})
    for (const std::int64_t batch : {0, 9}) {
      CAPTURE(batch);
      auto plain = one_step(base, 0, perturbation), sharp = one_step(base, rho, perturbation);
      plain.objective.batch = sharp.objective.batch = batch;
      const auto flat = lane.run(plain);
      const auto g = flat.outputs.at(0)->values * (-1 / lr);
      plain.base = lane.workspace->wrap(base->values + g * (rho / g.norm().item<double>()), base->buffers);
      const auto expected = lane.run(plain).outputs.at(0)->values;
      const auto result = lane.run(sharp);
      CHECK(test::largest(result.outputs.at(0)->values - expected) < 1e-6);
      CHECK(test::largest(result.outputs.at(0)->values - flat.outputs.at(0)->values) > 1e-5);
      CHECK(result.figures.at("risk_before") == flat.figures.at("risk_before"));
      const std::int64_t step = (batch == 0 ? 60 : 9) * (perturbation ? 2 : 1);
      CHECK(result.samples == flat.samples + step);
    }
}

TEST_CASE("at a point without a gradient a sharpness-aware step stays there") {
  Lane lane;
  auto job = one_step(lane.trained(60, 1), rho);
  job.objective.risk = 0;
  CHECK(test::largest(lane.run(job).outputs.at(0)->values) == 0);
}

TEST_CASE("sharpness-aware steps cost twice as much, also in a placebo") {
  config::CalibrationSection c;
  CHECK(calibrate::passes_per_sample(c) == 1);
  c.research->sharpness = 0.05;
  CHECK(calibrate::passes_per_sample(c) == 2);
  c.invariance = config::Invariance::perturbation;
  CHECK(calibrate::passes_per_sample(c) == 4);
  c.placebo = true;
  CHECK(calibrate::passes_per_sample(c) == 2);
}
