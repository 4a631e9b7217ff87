#include "methods/afu_ic/match_job.hpp"

#include <cmath>

#include "engine/execute.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;
using test::Lane;

namespace {

methods::MatchJob job_for(const model::ParametersPtr& base, std::int64_t steps, double lr = 0.1) {
  methods::MatchJob job;
  job.base = base;
  job.forget = test::rows(0, 60);
  job.held_out = test::rows(60, 120);
  job.sgd.lr = lr;
  job.sgd.clip_norm = 1.0;
  job.steps = steps;
  return job;
}

double mean_loss(Lane& lane, const model::ParametersPtr& v, const data::IndicesPtr& rows) {
  return at::cross_entropy_loss(lane.logits(v, rows), lane.labels(rows)).item<double>();
}

/// Of rows 60 to 120 the twenty that the version answers best or worst.
data::IndicesPtr held_out(Lane& lane, const model::ParametersPtr& v, bool worst) {
  const auto losses = at::cross_entropy_loss(lane.logits(v, test::rows(60, 120)),
                                             lane.labels(test::rows(60, 120)), {}, at::Reduction::None);
  const auto order = losses.argsort(0, worst);
  data::Indices rows;
  for (std::int64_t i = 0; i < 20; ++i) rows.push_back(60 + order[i].item<std::int64_t>());
  return std::make_shared<const data::Indices>(std::move(rows));
}

}  // namespace

TEST_CASE("matching brings the loss on the forget set to that on held-out samples, from either side") {
  Lane lane;
  const auto base = lane.trained(60, 5);
  for (bool worst : {true, false}) {
    CAPTURE(worst);
    auto job = job_for(base, 80, 0.2);
    job.held_out = held_out(lane, base, worst);
    const double before = mean_loss(lane, base, test::rows(0, 60));
    const double level = mean_loss(lane, base, job.held_out);
    const auto result = lane.run(job);
    const auto& f = result.figures;
    CHECK(f.at("level") == doctest::Approx(level).epsilon(1e-4));
    CHECK(f.at("loss_before") == doctest::Approx(before).epsilon(1e-4));
    const double after = mean_loss(lane, lane.plus(base, result.outputs.at(0)), test::rows(0, 60));
    CHECK(f.at("loss_after") == doctest::Approx(after).epsilon(1e-3));
    CHECK((level > before) == worst);
    REQUIRE(std::abs(before - level) > 1e-3);
    CHECK(std::abs(after - level) < 0.5 * std::abs(before - level));
    CHECK(result.samples == 60 * 81 + 20);
  }
}

TEST_CASE("a step of matching goes down the square of the gap, whatever batches the set is in") {
  Lane lane("logreg", 1500);
  const auto base = lane.trained(100, 2);
  auto job = job_for(base, 1, 0.05);
  job.sgd.clip_norm = 0;
  job.forget = test::rows(0, 1100);
  job.held_out = test::rows(1100, 1500);
  const auto delta = lane.run(job).outputs.at(0)->values;

  const double level = mean_loss(lane, base, test::rows(1100, 1500));
  const auto order = lane.workspace->upload(*test::rows(0, 1100));
  const auto batch = lane.workspace->gather(order, 0, 1100);
  lane.workspace->load(*base);
  lane.workspace->gradients().zero_();
  const auto loss = at::cross_entropy_loss(lane.workspace->net().forward(batch.images), batch.labels);
  (loss - level).square().backward();
  const auto expected = lane.workspace->gradients() * -0.05;
  CHECK(test::largest(delta - expected) < 1e-6 + 1e-3 * test::largest(expected));
  CHECK(test::largest(delta) > 0);
}

TEST_CASE("no steps of matching change nothing, and what it cannot do without it says") {
  Lane lane;
  const auto base = lane.trained(60, 2);
  CHECK(test::largest(lane.run(job_for(base, 0)).outputs.at(0)->values) == 0);
  auto job = job_for(base, 1);
  job.held_out = test::rows(0, 0);
  CHECK(engine::execute(*lane.workspace, job).error ==
        "match_held_out: there are no held-out samples whose loss could be the level");
  job.forget = test::rows(0, 0);
  job.held_out = test::rows(0, 9);
  CHECK(engine::execute(*lane.workspace, job).error == "match_held_out: there are no samples to forget");
}
