// The gate for retained updates, and the reference of the sunset.
#include "calibrate/gate.hpp"

#include <cmath>

#include "calibrate/calibration_loss.hpp"
#include "calibrate/jobs.hpp"
#include "calibrate/losses.hpp"
#include "config/scenario.hpp"
#include "config/sections/calibration_research.hpp"
#include "engine/execute.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;
using test::Lane;

namespace {

config::Scenario with(const std::string& invariance) {
  config::Scenario s;
  s.calibration.invariance = config::named<config::Invariance>(invariance, "invariance");
  if (invariance == "perturbation") s.calibration.perturbation = config::Perturbation::oracle;
  s.data.backdoor.trigger = config::Trigger::patch;
  s.data.backdoor.size = 3;
  return s;
}

const std::vector<data::IndicesPtr> probe{test::rows(60, 80), test::rows(80, 95), test::rows(95, 120)};

calibrate::GateJob job_of(const config::Scenario& s, const model::ParametersPtr& before,
                          const model::ParametersPtr& after, double epsilon = 0) {
  calibrate::GateJob job;
  job.objective = calibrate::objective_of(s, 0);
  job.epsilon = epsilon;
  job.before = before;
  job.after = after;
  job.samples = probe;
  job.key = {1, base::purpose("test"), 0, 0};
  return job;
}

/// D of a version, as the calibrator itself reports it.
double penalty(Lane& lane, const config::Scenario& s, const model::ParametersPtr& v) {
  auto job = calibrate::calibrate_job(s, 0);
  job.descent.steps = 0;

  job.base = job.before = v;
  job.environments = probe;
  job.key = {1, base::purpose("test"), 0, 0};
  return lane.run(job).figures.at("penalty_before");
}

}  // namespace

TEST_CASE("gate: accepted fully, or halved up to three times") {
  const auto linear = [](double scale) { return scale; };
  CHECK(calibrate::gate_scale(linear, 2) == 1);
  CHECK(calibrate::gate_scale(linear, 1) == 1);
  CHECK(calibrate::gate_scale(linear, 0.99) == 0.5);
  CHECK(calibrate::gate_scale(linear, 0.3) == 0.25);
  CHECK(calibrate::gate_scale(linear, 0.2) == 0.125);
  CHECK(calibrate::gate_scale(linear, 0) == 0.125);
  CHECK(calibrate::gate_scale([](double) { return std::nan(""); }, 1) == 0.125);
  int looks = 0;
  calibrate::gate_scale([&](double) { return ++looks, 1.0; }, 0);
  CHECK(looks == 3);  // an eighth stays unseen
}

TEST_CASE("gate: its scale is that of the penalty at each scale of the merge") {
  Lane lane;
  for (const char* invariance : {"perturbation", "irm", "vrex"}) {
    CAPTURE(invariance);
    const auto s = with(invariance);
    const auto sensitive = lane.trained(60, 2);
    const auto blind = lane.workspace->wrap(torch::zeros_like(sensitive->values), sensitive->buffers);
    const auto at = [&](double scale) {
      return penalty(lane, s, lane.workspace->wrap(sensitive->values * scale, sensitive->buffers));
    };
    const double none = penalty(lane, s, blind);
    CHECK(at(1) > none + 1e-6);
    for (double limit : {0.0, 0.3, 0.9, 1.1}) {
      const double epsilon = limit * (at(1) - none);
      const auto result = lane.run(job_of(s, blind, sensitive, epsilon));
      CHECK(result.outputs.empty());
      const double scale = result.figures.at("scale");
      CHECK(result.figures.at("penalty_before") == doctest::Approx(none));
      CHECK(result.figures.at("penalty_after") == doctest::Approx(at(1)).epsilon(1e-4));
      CHECK(scale == calibrate::gate_scale(at, none + epsilon));
      if (limit == 0) CHECK(scale == 0.125);
      if (limit > 1) CHECK(scale == 1);
    }
    // What lowers the penalty, or moves nothing, passes.
    CHECK(lane.run(job_of(s, sensitive, blind)).figures.at("scale") == 1);
    CHECK(lane.run(job_of(s, sensitive, sensitive)).figures.at("scale") == 1);
  }
}

TEST_CASE("gate: it counts its forward passes") {
  Lane lane;
  const auto v = lane.trained(60, 1);
  CHECK(lane.run(job_of(with("irm"), v, v)).samples == 2 * 60);
  CHECK(lane.run(job_of(with("vrex"), v, v)).samples == 2 * 2 * 60);
  CHECK(lane.run(job_of(with("perturbation"), v, v)).samples == 2 * 2 * 60);
  for (const char* invariance : {"irm", "vrex", "perturbation"})  // as they are modelled
    CHECK(calibrate::penalty_passes(with(invariance).calibration) ==
          (invariance == std::string("irm") ? 1 : 2));
}

TEST_CASE("gate: what it cannot do without it says") {
  Lane lane;
  CHECK(engine::execute(*lane.workspace, job_of(with("irm"), lane.initial, nullptr)).error ==
        "gate: the inputs are the versions before and after a merge");
  CHECK(engine::execute(*lane.workspace, job_of(with("none"), lane.initial, lane.initial)).error ==
        "gate: there is no invariance whose penalty could be looked at");
}

TEST_CASE("the sunset's reference is the penalty under harmless augmentations, by hand") {
  Lane lane;
  const auto version = lane.trained(60, 20);
  const base::StreamKey key{1, base::purpose("test"), 0, 0};
  const auto clean = calibrate::gather_environments(*lane.workspace, probe);
  const auto other = calibrate::augmented(clean, key);
  REQUIRE(other.chunks.size() == 2);
  CHECK(other.count == 6);
  CHECK(other.clean() == 0);
  torch::NoGradGuard no_grad;
  lane.workspace->load(*version);
  lane.workspace->net().train(false);
  double kl = 0, irm = 0;
  std::vector<double> risks;
  const auto p = lane.workspace->net().forward(clean.chunks[0].batch.images).log_softmax(1);
  for (const auto& chunk : other.chunks) {
    CHECK(!at::equal(chunk.batch.images, clean.chunks[0].batch.images));
    const auto z = lane.workspace->net().forward(chunk.batch.images);
    kl += calibrate::distillation_kl(p, z).item<double>() / 2;
    std::int64_t begin = 0;
    for (auto n : chunk.sizes) {
      const auto ze = z.narrow(0, begin, n), ye = chunk.batch.labels.narrow(0, begin, n);
      irm += calibrate::irm_penalty(ze, ye).item<double>() / 6;
      risks.push_back(calibrate::environment_risk(ze, ye).item<double>());
      begin += n;
    }
  }
  double mean = 0, variance = 0;
  for (double r : risks) mean += r / 6;
  for (double r : risks) variance += (r - mean) * (r - mean) / 6;
  for (const auto& [invariance, expected] :
       {std::pair<const char*, double>{"perturbation", kl}, {"irm", irm}, {"vrex", variance}}) {
    CAPTURE(invariance);
    auto s = with(invariance);
    s.calibration.research->sunset_jobs = 3;
    auto job = calibrate::calibrate_job(s, 0);
    job.descent.steps = 1;

    job.base = job.before = version;
    job.environments = probe;
    job.key = key;
    const auto asked = lane.run(job);
    CHECK(asked.figures.at("penalty_reference") == doctest::Approx(expected).epsilon(1e-3));
    s.calibration.research->sunset_jobs = 0;
    job.sunset = false;

    const auto plain = lane.run(job);
    CHECK(plain.figures.count("penalty_reference") == 0);
    CHECK(at::equal(plain.outputs.at(0)->values, asked.outputs.at(0)->values));  // looking changes nothing
    CHECK(asked.samples - plain.samples == 60 * calibrate::reference_passes(s.calibration));
  }
}
