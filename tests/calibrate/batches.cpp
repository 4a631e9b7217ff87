// Minibatches of the calibration set.
#include <algorithm>
#include <map>
#include <set>

#include "calibrate/calibration_loss.hpp"
#include "calibrate/jobs.hpp"
#include "config/scenario.hpp"
#include "config/sections/calibration_research.hpp"
#include "data/calibration_set.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;
using test::Lane;

namespace {

const std::vector<data::IndicesPtr> sets{test::rows(0, 12), test::rows(12, 18), test::rows(18, 24)};
const base::StreamKey key{1, base::purpose("test"), 2, 3};

/// Which rows a batch's chunk has, of those of `sets`, by their pixels.
std::vector<std::int64_t> rows_in(Lane& lane, const torch::Tensor& images) {
  const auto order = lane.workspace->upload(*test::rows(0, 24));
  const auto all = lane.workspace->gather(order, 0, 24).images.flatten(1);
  std::vector<std::int64_t> found;
  for (std::int64_t i = 0; i < images.size(0); ++i)
    found.push_back((all - images[i].flatten()).abs().sum(1).argmin().item<std::int64_t>());
  return found;
}

calibrate::CalibrateJob job_of(const config::Scenario& s, std::int64_t steps,
                               const model::ParametersPtr& base) {
  auto job = calibrate::calibrate_job(s, 0);
  job.descent.steps = steps;

  job.base = job.before = base;
  job.environments = sets;
  job.key = key;
  return job;
}

}  // namespace

TEST_CASE("batches: every environment's share in each, and all of its samples before one comes again") {
  Lane lane;
  const auto all = calibrate::gather_environments(*lane.workspace, sets);
  calibrate::Batches batches(all, 8, 1, key), again(all, 8, 1, key);
  auto other_key = key;
  ++other_key.round;
  calibrate::Batches other(all, 8, 1, other_key);
  std::map<std::int64_t, int> seen;
  bool differs = false;
  for (int step = 0; step < 3; ++step) {
    const auto batch = batches.next();
    REQUIRE(batch.chunks.size() == 1);
    CHECK(batch.count == 3);
    CHECK(batch.samples == 8);
    CHECK(batch.chunks[0].sizes == std::vector<std::int64_t>{4, 2, 2});
    const auto rows = rows_in(lane, batch.chunks[0].batch.images);
    for (std::size_t i = 0; i < 8; ++i) {
      CHECK((rows[i] < 12) == (i < 4));  // in the environments' order
      CHECK(batch.chunks[0].batch.labels[static_cast<std::int64_t>(i)].item<std::int64_t>() ==
            lane.images->labels[static_cast<std::size_t>(rows[i])]);
      ++seen[rows[i]];
    }
    CHECK(rows == rows_in(lane, again.next().chunks[0].batch.images));
    differs = differs || rows != rows_in(lane, other.next().chunks[0].batch.images);
  }
  CHECK(seen.size() == 24);  // three steps are one pass
  CHECK(differs);
}

TEST_CASE("batches: the same samples under every intervention, and their teachers with them") {
  Lane lane;
  auto all = calibrate::gather_environments(*lane.workspace, sets);
  all.chunks[0].before = torch::arange(24).unsqueeze(1);
  calibrate::intervene(all, key);
  calibrate::Batches batches(all, 4, 1, key);
  const auto batch = batches.next();
  REQUIRE(batch.chunks.size() == 4);
  CHECK(batch.count == 12);
  CHECK(batch.samples == 4);
  const auto rows = rows_in(lane, batch.chunks[0].batch.images);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(batch.chunks[0].before[static_cast<std::int64_t>(i)].item<std::int64_t>() == rows[i]);
    for (std::size_t k = 1; k < 4; ++k) {
      const auto image = batch.chunks[k].batch.images[static_cast<std::int64_t>(i)];
      CHECK(at::equal(image, all.chunks[k].batch.images[rows[i]]));
    }
  }
}

TEST_CASE("batches: a pass of equal batches has the whole set's risk and KL as its mean") {
  Lane lane;
  const auto before = lane.trained(60, 2);
  calibrate::Objective o;
  o.batch = 8;
  calibrate::CalibrationLoss loss(*lane.workspace, sets, o, key, {});
  loss.set_before(*before);
  lane.workspace->load(*lane.initial);
  const auto whole = loss.at(0, false);
  const auto passes = loss.passes();
  double risk = 0, kl = 0;
  for (std::uint64_t step = 0; step < 3; ++step) {
    const auto v = loss.step(step);
    risk += v.risk.item<double>() / 3;
    kl += v.kl.item<double>() / 3;
    CHECK(test::largest(lane.workspace->gradients()) > 0);
  }
  CHECK(risk == doctest::Approx(whole.risk.item<double>()).epsilon(1e-5));
  CHECK(kl == doctest::Approx(whole.kl.item<double>()).epsilon(1e-5));
  CHECK(loss.passes() - passes == 3 * 8);
}

TEST_CASE("a calibration in minibatches counts what it takes, and is the same when run again") {
  Lane lane;
  const auto base = lane.trained(60, 2);
  config::Scenario s;
  const auto full = lane.run(job_of(s, 5, base));
  CHECK(full.samples == 24 + 5 * 24 + 24);  // the teacher, the steps, the figures after
  s.calibration.batch_size = 8;
  const auto some = lane.run(job_of(s, 5, base));
  CHECK(some.samples == 24 + 24 + 5 * 8 + 24);  // the figures before are of the whole set too
  CHECK(some.figures.at("loss_before") == doctest::Approx(full.figures.at("loss_before")));
  CHECK(!at::equal(some.outputs.at(0)->values, full.outputs.at(0)->values));
  CHECK(at::equal(some.outputs.at(0)->values, lane.run(job_of(s, 5, base)).outputs.at(0)->values));
  using config::EnvironmentKind;
  using config::Invariance;
  for (const auto invariance : {Invariance::perturbation, Invariance::irm, Invariance::vrex})
    for (const auto environments : {EnvironmentKind::client, EnvironmentKind::interventional}) {
      CAPTURE(config::name_of(invariance));
      s.calibration.invariance = invariance;
      s.calibration.environments = environments;
      const auto arm = lane.run(job_of(s, 2, base));
      CHECK(arm.outputs.at(0)->values.isfinite().all().item<bool>());
      CHECK(arm.figures.at("penalty_before") >= 0);
    }
  // A batch as large as the set is the set.
  s = {};
  s.calibration.batch_size = 24;
  const auto all = lane.run(job_of(s, 5, base)).outputs.at(0)->values;
  CHECK(test::largest(all - full.outputs.at(0)->values) < 1e-5);
}

TEST_CASE("shares of environments are by size, with a least one") {
  CHECK(data::environment_shares({12, 6, 6}, 8, 1) == std::vector<std::int64_t>{4, 2, 2});
  CHECK(data::environment_shares({100, 1, 1}, 4, 1) == std::vector<std::int64_t>{4, 1, 1});
  CHECK(data::environment_shares({100, 1, 5}, 2, 2) == std::vector<std::int64_t>{2, 1, 2});
  CHECK(data::environment_shares({3, 4}, 99, 1) == std::vector<std::int64_t>{3, 4});
}

TEST_CASE("the halves' penalty has two samples of each environment in every batch") {
  Lane lane;
  config::Scenario s;
  s.calibration.invariance = config::Invariance::irm;
  s.calibration.research->irm_estimator = config::IrmEstimator::halves;
  s.calibration.batch_size = 3;
  CHECK(lane.run(job_of(s, 2, lane.trained(60, 1))).samples == 24 + 24 + 2 * 6 + 24);
}
