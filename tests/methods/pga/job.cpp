#include "methods/pga/job.hpp"

#include <cmath>

#include "engine/execute.hpp"
#include "methods/pga/projection.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;
using test::Lane;

namespace {

engine::Combination whole(const model::ParametersPtr& v) { return {v, 1.0, {}, {}}; }

methods::PgaJob pga(const model::ParametersPtr& base, const model::ParametersPtr& reference,
                    const model::ParametersPtr& last = nullptr) {
  methods::PgaJob job;
  job.base = base;
  job.reference = whole(reference);
  if (last) job.last = whole(last);
  job.forget = test::rows(0, 30);
  job.sgd.lr = 0.05;
  job.sgd.momentum = 0.9;
  job.sgd.clip_norm = 1.0;
  job.epochs = 3;
  job.batch_size = 8;
  job.key = {1, base::purpose("erase"), 0, 0};
  return job;
}

/// Mean probability of the true class on the forget set.
double own_probability(Lane& lane, const model::ParametersPtr& version) {
  const auto samples = test::rows(0, 30);
  return lane.logits(version, samples)
      .softmax(1)
      .gather(1, lane.labels(samples).unsqueeze(1))
      .mean()
      .item<double>();
}

double distance(const model::ParametersPtr& a, const model::ParametersPtr& b) {
  return (a->values - b->values).to(torch::kFloat64).norm().item<double>();
}

}  // namespace

TEST_CASE("projection onto a ball") {
  const auto centre = torch::tensor({1.f, 1.f});
  auto outside = torch::tensor({4.f, 5.f}), inside = torch::tensor({1.5f, 1.f}), at_centre = centre.clone();
  methods::project_onto_ball(outside, centre, 2);
  CHECK(test::largest(outside - torch::tensor({2.2f, 2.6f})) < 1e-6);
  methods::project_onto_ball(inside, centre, 2);
  CHECK(test::largest(inside - torch::tensor({1.5f, 1.f})) < 1e-6);
  methods::project_onto_ball(at_centre, centre, 2);
  CHECK(at::equal(at_centre, centre));
}

TEST_CASE("pga ascends from w_ref and stays in its ball") {
  Lane lane;
  const auto base = lane.trained(60, 2), reference = lane.trained(50, 2);
  for (double fraction : {0.577, 0.02}) {
    auto job = pga(base, reference);
    job.radius_frac = fraction;
    job.epochs = 10;
    const auto result = lane.run(job);
    REQUIRE(result.outputs.size() == 2);
    const double radius = result.figures.at("radius"), moved = distance(result.outputs[1], reference);
    CHECK(moved <= radius * (1 + 1e-5));
    CHECK(result.figures.at("distance") == doctest::Approx(moved));
    CHECK(result.figures.at("steps") == 40);
    if (fraction < 0.1) CHECK(moved > radius * 0.99);  // it pushes against the small ball
    CHECK(own_probability(lane, result.outputs[1]) < own_probability(lane, reference));
    CHECK(test::largest(result.outputs[0]->values - (result.outputs[1]->values - base->values)) < 1e-6);
  }
}

TEST_CASE("pga's radius is a fraction of the distance to random models") {
  Lane lane;
  const auto reference = lane.trained(60);
  auto job = pga(reference, reference);
  job.max_steps = 1;
  job.radius_frac = 1.0;
  const double whole = lane.run(job).figures.at("radius");
  job.radius_frac = 0.25;
  CHECK(lane.run(job).figures.at("radius") == doctest::Approx(whole / 4));
  // Random models are nearly orthogonal to w_ref: their distance squared is about |w_ref|^2 + |w_rand|^2.
  const double expected = std::sqrt(std::pow(reference->values.norm().item<double>(), 2) +
                                    std::pow(lane.initial->values.norm().item<double>(), 2));
  CHECK(whole > 0.6 * expected);
  CHECK(whole < 1.4 * expected);
}

TEST_CASE("pga stops after max_steps, or when it is far enough from the target's last model") {
  Lane lane;
  const auto base = lane.trained(60, 2);
  const auto reference = lane.workspace->wrap(0.98 * base->values, base->buffers);
  auto job = pga(base, reference, base);
  job.epochs = 50;
  job.max_steps = 7;
  const auto limited = lane.run(job);
  CHECK(limited.figures.at("steps") == 7);
  CHECK(limited.samples == 7 * 8 - 2);  // the fourth batch has 6
  job.max_steps = 0;
  job.stop_factor = 3.0;
  const auto stopped = lane.run(job);
  CHECK(stopped.figures.at("steps") < 200);
  const double initial = distance(reference, base);
  CHECK(std::pow(distance(stopped.outputs[1], base), 2) > 3 * initial * initial);
  job.last.reset();
  CHECK(lane.run(job).figures.at("steps") == 200);
}

TEST_CASE("pga stops at a distance, or when the validation accuracy is below a bound") {
  Lane lane;
  const auto base = lane.trained(60, 2);
  auto job = pga(base, base, base);
  job.epochs = 50;
  job.stop_distance = 0.04;
  const auto stopped = lane.run(job);
  CHECK(stopped.figures.at("steps") < 200);
  CHECK(std::pow(distance(stopped.outputs[1], base), 2) > 0.04);

  job.stop_distance = 0.0;
  job.stop_accuracy = 0.5;
  CHECK(engine::execute(*lane.workspace, job).error ==
        "pga: stop_accuracy needs validation rows, there are none");
  const auto validation = test::rows(60, 100);
  job.validation = validation;
  const auto accuracy = [&](const model::ParametersPtr& version) {
    return lane.logits(version, validation)
        .argmax(1)
        .eq(lane.labels(validation))
        .to(torch::kFloat64)
        .mean()
        .item<double>();
  };
  CHECK(accuracy(base) > 0.5);
  const auto fallen = lane.run(job);
  CHECK(fallen.figures.at("steps") < 200);
  CHECK(accuracy(fallen.outputs[1]) < 0.5);
  job.max_steps = static_cast<std::int64_t>(fallen.figures.at("steps")) - 1;
  CHECK(accuracy(lane.run(job).outputs[1]) >= 0.5);  // not a step too late
}

TEST_CASE("pga's reference is computed on the lane") {
  Lane lane;
  const auto base = lane.trained(60), other = lane.trained(50);
  auto job = pga(base, base);
  job.reference = {base, 1.5, {{-0.5, other, nullptr}}, {}};
  const auto reference = lane.workspace->wrap(1.5 * base->values - 0.5 * other->values, base->buffers);
  const auto result = lane.run(job), expected = lane.run(pga(base, reference));
  CHECK(test::largest(result.outputs[1]->values - expected.outputs[1]->values) < 1e-5);
  job.reference = {base, 1.0, {{1.0, nullptr, nullptr}}, {}};
  CHECK(engine::execute(*lane.workspace, job).error == "pga: a term of a combination has no vector");
}

// Ten random initialisations of eleven million parameters.
TEST_CASE("pga keeps the normalisation's statistics" * doctest::test_suite("slow")) {
  Lane lane("resnet18", 10, test::small_shape);
  auto job = pga(lane.initial, lane.initial);
  job.forget = test::rows(0, 8);
  job.epochs = 1;
  const auto result = lane.run(job);
  CHECK(at::equal(result.outputs[0]->buffers, lane.initial->buffers));
  CHECK(test::largest(result.outputs[0]->values) > 0);
}

TEST_CASE("pga that cannot run says why") {
  Lane lane;
  const auto error_of = [&](const methods::PgaJob& job) {
    return engine::execute(*lane.workspace, job).error;
  };
  CHECK(error_of(pga(nullptr, lane.initial)) == "pga: the base is missing");
  CHECK(error_of(pga(lane.initial, nullptr)) == "pga: w_ref is missing");
  auto job = pga(lane.initial, lane.initial);
  job.radius_frac = 0;
  CHECK(error_of(job) == "pga: radius_frac is 0, allowed is above 0");
  job = pga(lane.initial, lane.initial);
  job.forget = test::rows(0, 0);
  CHECK(error_of(job) == "pga: there are no samples to forget");
  job.forget = test::rows(115, 121);
  CHECK(error_of(job) == "pga: sample 120 is outside the pool of 120");
}
