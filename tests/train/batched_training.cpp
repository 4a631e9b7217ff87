#include "train/batched_training.hpp"

#include "lane/execute_together.hpp"
#include "tests/engine/fixture.hpp"
#include "train/together.hpp"
#include "train/train_job.hpp"

using namespace afu;
using test::Lane;

namespace {

/// Clients with different versions, samples and numbers of steps: 7, 4 and 8 of batches of 5 and less.
std::vector<train::TrainJob> jobs_for(Lane& lane) {
  std::vector<train::TrainJob> jobs(3);
  const std::vector<std::int64_t> ends{32, 57, 95}, begins{0, 40, 57};
  const auto other = lane.trained(40, 1);
  for (std::size_t k = 0; k < jobs.size(); ++k) {
    auto& job = jobs[k];
    job.base = k == 1 ? other : lane.initial;
    job.samples = test::rows(begins[k], ends[k]);
    job.batch_size = 5;
    job.key = {1, base::purpose("train"), k, 2};
    job.sgd.momentum = 0.9;
    job.sgd.weight_decay = 1e-3;
  }
  return jobs;
}

void check_as_one_by_one(Lane& lane, const std::vector<train::TrainJob>& jobs,
                         train::BatchedTraining& batched) {
  std::vector<const train::TrainJob*> all;
  for (const auto& job : jobs) all.push_back(&job);
  const auto together = lane::execute_together(*lane.workspace, batched, all);
  REQUIRE(together.size() == jobs.size());
  for (std::size_t k = 0; k < jobs.size(); ++k) {
    CAPTURE(k);
    const auto& result = together[k];
    REQUIRE(result.error == "");
    const auto alone = lane.run(jobs[k]);
    CHECK(result.outputs.size() == 1);
    CHECK(test::largest(result.outputs.at(0)->values - alone.outputs.at(0)->values) < 1e-4);
    CHECK(test::largest(result.outputs.at(0)->values) > 1e-3);
    CHECK(result.figures.at("loss") == doctest::Approx(alone.figures.at("loss")).epsilon(1e-4));
    CHECK(result.samples == alone.samples);
    CHECK(result.outputs.at(0)->layout == lane.workspace->layout());
  }
}

}  // namespace

TEST_CASE("clients stepped together train as one after the other") {
  for (const char* name : {"logreg", "mlp", "cnn_small"}) {
    CAPTURE(name);
    Lane lane(name);
    train::BatchedTraining batched;
    auto jobs = jobs_for(lane);
    check_as_one_by_one(lane, jobs, batched);
    for (auto& job : jobs) {
      job.epochs = 2;
      job.sgd.clip_norm = 0.5;
      job.sgd.prox_mu = 0.3;
      job.sgd.max_delta = 0.05;
    }
    check_as_one_by_one(lane, jobs, batched);
    for (auto& job : jobs) job.base = lane.initial, job.steps = 9;
    check_as_one_by_one(lane, jobs, batched);
    jobs.pop_back();
    check_as_one_by_one(lane, jobs, batched);
  }
}

TEST_CASE("clients stepped together by Adam train as one after the other, job after job") {
  Lane lane("cnn_small");
  train::BatchedTraining batched;
  auto jobs = jobs_for(lane);
  for (auto& job : jobs) {
    job.sgd.lr = 0.003;
    job.adam = engine::AdamSettings{0.9, 0.99, 1e-2, true};
  }
  for (int i = 0; i < 2; ++i) check_as_one_by_one(lane, jobs, batched);  // the second begins as the first
}

TEST_CASE("what goes wrong goes wrong for all") {
  Lane lane("resnet18", 60, test::small_shape);
  auto jobs = jobs_for(lane);
  train::BatchedTraining batched;
  const auto results = lane::execute_together(*lane.workspace, batched, {&jobs[0], &jobs[2]});
  REQUIRE(results.size() == 2);
  for (const auto& r : results) {
    CHECK(r.error.find("train: ") == 0);
    CHECK(r.error.find("cannot be batched over clients") != std::string::npos);
    CHECK(r.outputs.empty());
  }
}

TEST_CASE("jobs that differ in their optimiser, their batch or much in their steps do not fit together") {
  Lane lane("logreg");
  const auto job = jobs_for(lane).front();
  CHECK(train::fit_together(job, job));
  const auto fits = [&](auto change) {
    auto other = job;
    change(other);
    return train::fit_together(job, other) && train::fit_together(other, job);
  };
  CHECK(fits([](auto& j) { j.samples = test::rows(0, 65); }));  // 13 steps beside 7
  CHECK_FALSE(fits([](auto& j) { j.samples = test::rows(0, 71); }));
  CHECK_FALSE(fits([](auto& j) { j.steps = 3; }));
  CHECK_FALSE(fits([](auto& j) { j.epochs = 3; }));
  CHECK_FALSE(fits([](auto& j) { j.batch_size = 6; }));
  CHECK_FALSE(fits([](auto& j) { j.sgd.lr *= 2; }));
  CHECK_FALSE(fits([](auto& j) { j.sgd.prox_mu = 1; }));
  CHECK_FALSE(fits([](auto& j) { j.adam = engine::AdamSettings{}; }));
  CHECK_FALSE(fits([](auto& j) { j.balanced = true; }));
  CHECK_FALSE(fits([](auto& j) { j.extras = std::make_shared<const train::TrainExtras>(); }));
  CHECK_FALSE(fits([](auto& j) { j.auxiliary = std::make_shared<const train::AuxiliaryHead>(); }));
}
