// Invariance of the penultimate features along the directions that an erasure moved.
#include "calibrate/feature_directions.hpp"

#include <cmath>
#include <string>

#include "calibrate/jobs.hpp"
#include "calibrate/perturbations.hpp"
#include "config/scenario.hpp"
#include "config/sections/calibration_research.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;
using test::Lane;

namespace {

/// The version with the bias of a penultimate unit raised.
model::ParametersPtr raised(Lane& lane, const model::ParametersPtr& version, std::int64_t unit, double by) {
  auto values = version->values.clone();
  const std::string name = "fc2.bias";
  const auto& slot = model::slot_named(*lane.workspace->layout(), name);
  values.narrow(0, slot.offset + unit, 1) += by;
  return lane.workspace->wrap(values, version->buffers);
}

calibrate::FeatureDirectionsJob directions(const model::ParametersPtr& before,
                                           const model::ParametersPtr& erased) {
  calibrate::FeatureDirectionsJob job;
  job.before = before;
  job.erased = erased;
  job.environments = {test::rows(60, 90), nullptr, test::rows(90, 120)};
  job.key = {1, base::purpose("test"), 0, 0};
  return job;
}

calibrate::CalibrateJob calibration(const model::ParametersPtr& base, const model::ParametersPtr& erased,
                                    const std::vector<double>& found, std::int64_t steps) {
  config::Scenario s;
  s.calibration.beta = 0;
  s.calibration.invariance = config::Invariance::features;
  auto job = calibrate::calibrate_job(s, 0);
  job.descent.steps = steps;
  job.base = base;
  job.erased = erased;
  job.trigger = found;
  job.environments = {test::rows(60, 90), test::rows(90, 120)};
  return job;
}

}  // namespace

TEST_CASE("the directions are those in which the erasure moved the features most") {
  Lane lane;
  const auto before = lane.trained(60, 3);
  const auto erased = raised(lane, raised(lane, before, 3, 20), 7, 10);  // far above 0 for every image
  auto job = directions(before, erased);
  const auto found = lane.run(job);
  CHECK(found.samples == 4 * 60);
  const auto d = calibrate::directions_of(found.numbers, torch::zeros({1, 1, 8, 8}));
  REQUIRE(d.basis.size(0) <= 2);  // no other unit moved
  REQUIRE(d.basis.size(1) == 16);
  CHECK(test::largest(d.basis.mm(d.basis.t()) - torch::eye(d.basis.size(0))) < 1e-4);
  CHECK(found.figures.at("share") > 0.99);
  CHECK(d.scale > 300);
  CHECK(d.scale < 501);
  CHECK(lane.run(job).numbers == found.numbers);
  job.rank = 1;
  const auto one = calibrate::directions_of(lane.run(job).numbers, torch::zeros({1, 1, 8, 8})).basis;
  REQUIRE(one.sizes() == at::IntArrayRef({1, 16}));
  CHECK(std::abs(one[0][3].item<double>()) > 0.8);
  CHECK(one[0][3].item<double>() * one[0][7].item<double>() > 0);  // both rose
  CHECK(d.basis.mm(one.t()).norm().item<double>() == doctest::Approx(1).epsilon(1e-4));

  const auto none = lane.run(directions(before, before));
  CHECK(none.numbers.empty());
  CHECK(none.figures.at("directions") == 0);
  job.rank = 0;
  CHECK(engine::execute(*lane.workspace, job).error == "feature_directions: the rank is 1 or more");
  job.erased = nullptr;
  CHECK(engine::execute(*lane.workspace, job).error ==
        "feature_directions: the inputs are the models before and after the erasure");
  CHECK_THROWS_AS(calibrate::directions_of({2, 1, 0.5}, torch::zeros({1})), std::invalid_argument);
  CHECK_THROWS_AS(calibrate::directions_of({}, torch::zeros({1})), std::invalid_argument);
}

TEST_CASE(
    "the penalty is how far features are from the erased model's along the directions, by what it did") {
  Lane lane;
  const auto before = lane.trained(60, 3), erased = raised(lane, before, 3, 20);
  auto job = directions(before, erased);
  job.rank = 1;
  const auto found = lane.run(job).numbers;
  const auto penalty = [&](const model::ParametersPtr& base) {
    const auto looked = lane.run(calibration(base, erased, found, 0));
    CHECK(looked.figures.count("kd_before") == 0);
    CHECK(looked.samples == 60 * (2 + 1 + 2));  // the erased model's features; the risk and the penalty
    return looked.figures.at("penalty_before");
  };
  CHECK(penalty(erased) == 0);
  CHECK(penalty(before) == doctest::Approx(1).epsilon(0.05));  // other mixtures of the same images
  CHECK(penalty(raised(lane, erased, 3, -10)) > 0.2);          // halfway, but for what was below 0
  CHECK(penalty(raised(lane, erased, 3, -10)) < 0.35);
  CHECK(penalty(raised(lane, erased, 5, 10)) < 1e-6);  // not along it
  job.erased = nullptr;
  auto without = calibration(before, nullptr, found, 1);
  CHECK(engine::execute(*lane.workspace, without).error ==
        "calibrate: distillation and features need the erased model as an input");
}

TEST_CASE("a calibration pulls the features back to the erased model's, in minibatches too") {
  Lane lane;
  const auto before = lane.trained(60, 3);
  std::int64_t busiest = 0;  // a unit that no image reaches has no gradient
  {
    torch::NoGradGuard no_grad;
    lane.workspace->load(*before);
    const auto images = lane.workspace->gather(lane.workspace->upload(*test::rows(60, 120))).images;
    busiest = lane.workspace->net().features(images).mean(0).argmax().item<std::int64_t>();
  }
  const auto erased = raised(lane, before, busiest, 2);
  const auto found = lane.run(directions(before, erased)).numbers;
  for (const std::int64_t batch : {0, 12}) {
    auto job = calibration(before, erased, found, 40);
    job.objective.batch = batch;
    job.objective.lambda = 3;
    const auto result = lane.run(job).figures;
    CHECK(result.at("penalty_after") < 0.3 * result.at("penalty_before"));
    job.objective.lambda = 0;
    CHECK(lane.run(job).figures.at("penalty_after") > result.at("penalty_after"));
  }
  auto job = calibration(before, erased, found, 0);
  job.sunset = true;
  const auto f = lane.run(job).figures;
  CHECK(f.at("penalty_reference") > 0);
  config::CalibrationSection c;
  c.invariance = config::Invariance::features;
  CHECK(calibrate::passes_per_sample(c) == 3);
  CHECK(calibrate::reference_passes(c) == 3);
}

TEST_CASE("mixtures lie between two of the images") {
  const auto x = torch::arange(8, torch::kFloat32).view({8, 1, 1, 1}).expand({8, 1, 2, 2}).contiguous();
  base::Stream a({1, base::purpose("test"), 0, 0}), b({1, base::purpose("test"), 0, 0});
  const auto mixed = calibrate::mixtures(x, a);
  CHECK(at::equal(mixed, calibrate::mixtures(x, b)));
  CHECK(mixed.min().item<double>() >= 0);
  CHECK(mixed.max().item<double>() <= 7);
  CHECK(test::largest(mixed - mixed.narrow(2, 0, 1).narrow(3, 0, 1)) == 0);
  CHECK((mixed != mixed.round()).any().item<bool>());
}
