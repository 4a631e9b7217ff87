// Training on a client's shards one after the other, and what of the difference each makes.
#include "engine/execute.hpp"
#include "tests/engine/fixture.hpp"
#include "train/schedule.hpp"
#include "train/together.hpp"
#include "train/train_job.hpp"

using namespace afu;
using test::Lane;

namespace {

train::TrainJob job_for(const Lane& lane) {
  train::TrainJob job;
  job.sgd.lr = 0.05;
  job.base = lane.initial;
  job.samples = test::rows(0, 50);
  job.shards = {test::rows(0, 20), test::rows(20, 20), test::rows(20, 37), test::rows(37, 50)};
  job.parts = true;
  job.sgd.momentum = 0.9;
  job.sgd.weight_decay = 1e-3;
  job.sgd.clip_norm = 5;
  job.epochs = 2;
  job.batch_size = 8;
  job.key = {1, base::purpose("train"), 4, 2};
  return job;
}

bool same(const torch::Tensor& a, const torch::Tensor& b) { return at::equal(a, b); }

torch::Tensor sum_of_parts(const job::JobResult& r) {
  auto sum = torch::zeros_like(r.outputs[0]->values);
  for (std::size_t s = 1; s < r.outputs.size(); ++s) sum += r.outputs[s]->values;
  return sum;
}

}  // namespace

TEST_CASE("what the shards changed adds up to what the job changed") {
  for (const char* name : {"logreg", "mlp", "cnn_small"}) {
    CAPTURE(name);
    for (const bool adam : {false, true}) {
      Lane lane(name);
      auto job = job_for(lane);
      if (adam) job.adam = engine::AdamSettings{};
      if (adam) job.sgd.lr = 1e-3;
      const auto r = lane.run(job);
      REQUIRE(r.outputs.size() == 5);
      CHECK(r.samples == 100);
      CHECK(test::largest(r.outputs[0]->values) > 1e-3);
      CHECK(test::largest(sum_of_parts(r) - r.outputs[0]->values) < 1e-6);
      CHECK(test::largest(r.outputs[2]->values) == 0);  // of the empty one
      for (std::size_t s : {1, 3, 4}) {
        CHECK(test::largest(r.outputs[s]->values) > 1e-4);
        CHECK(r.outputs[s]->buffers.numel() == 0);
      }
      job.parts = false;
      const auto alone = lane.run(job);
      REQUIRE(alone.outputs.size() == 1);
      CHECK(same(alone.outputs[0]->values, r.outputs[0]->values));
      CHECK(alone.figures == r.figures);
    }
  }
}

TEST_CASE("the shard that comes first is trained on as if there were no other") {
  for (const char* name : {"logreg", "cnn_small"}) {
    Lane lane(name);
    auto job = job_for(lane);
    job.epochs = 1;
    job.shards.erase(job.shards.begin() + 1);
    const auto first = train::shard_order(job.key, 3).front();
    const auto parts = lane.run(job);
    auto plain = job;
    plain.samples = job.shards[first];
    plain.shards.clear();
    plain.parts = false;
    CHECK(same(lane.run(plain).outputs[0]->values, parts.outputs[1 + first]->values));
  }
}

TEST_CASE(
    "shards take turns, each with fresh momentum or a fresh Adam, and their parts are sums over the turns") {
  Lane lane("mlp");
  for (const bool adam : {false, true}) {
    auto job = job_for(lane);
    if (adam) job.adam = engine::AdamSettings{};
    job.epochs = 3;
    job.shards = {test::rows(0, 8), test::rows(30, 38)};  // a step each in every turn
    const auto r = lane.run(job);
    const auto order = train::shard_order(job.key, 2);
    auto at = lane.initial;
    std::vector<torch::Tensor> sums(2);
    for (int epoch = 0; epoch < 3; ++epoch) {
      for (auto s : order) {
        auto alone = job;
        alone.base = at;
        alone.samples = job.shards[s];
        alone.shards.clear();
        alone.parts = false;
        alone.epochs = 1;
        const auto step = lane.run(alone).outputs[0];
        at = lane.plus(at, step);
        sums[s] = sums[s].defined() ? sums[s] + step->values : step->values;
      }
    }
    CHECK(test::largest(sums[0] - sums[1]) > 1e-3);
    for (std::size_t s = 0; s < 2; ++s) CHECK(test::largest(r.outputs[1 + s]->values - sums[s]) < 1e-6);
  }
}

TEST_CASE("where one shard is left, it is trained on as samples that are no shard") {
  Lane lane("mlp");
  auto job = job_for(lane);
  job.shards = {test::rows(0, 0), test::rows(0, 50), nullptr};
  auto plain = job;
  plain.shards.clear();
  plain.parts = false;
  const auto r = lane.run(job);
  CHECK(same(lane.run(plain).outputs[0]->values, r.outputs[0]->values));
  CHECK(test::largest(r.outputs[2]->values - r.outputs[0]->values) < 1e-6);
}

TEST_CASE("parts are shortened with the difference") {
  Lane lane;
  auto job = job_for(lane);
  const auto whole = lane.run(job);
  job.sgd.max_delta = 0.5 * whole.outputs[0]->values.norm().item<double>();
  const auto r = lane.run(job);
  CHECK(r.figures.at("shortened") == 1);
  CHECK(r.outputs[0]->values.norm().item<double>() == doctest::Approx(job.sgd.max_delta).epsilon(1e-4));
  for (std::size_t s = 1; s < 5; ++s)
    CHECK(test::largest(r.outputs[s]->values - 0.5 * whole.outputs[s]->values) < 1e-5);
}

TEST_CASE("the loss is the mean over every shard's last epoch") {
  Lane lane;
  auto job = job_for(lane);
  job.sgd.lr = 1e-12;  // nothing changes, so that it is the mean over all samples
  const auto loss = lane.run(job).figures.at("loss");
  job.shards.clear();
  job.parts = false;
  CHECK(loss == doctest::Approx(lane.run(job).figures.at("loss")).epsilon(1e-5));
}

TEST_CASE("what does not go with shards is refused, and nobody is stepped together with others") {
  Lane lane;
  auto job = job_for(lane);
  CHECK_FALSE(train::may_be_batched(job));
  job.steps = 3;
  CHECK(engine::execute(*lane.workspace, job).error ==
        "train: shards go with no auxiliary head, no balanced batches and no number of steps");
  job.steps = 0;
  job.balanced = true;
  CHECK(engine::execute(*lane.workspace, job).error != "");
  job.balanced = false;
  job.shards = {test::rows(0, 0), nullptr};
  CHECK(engine::execute(*lane.workspace, job).error == "train: there are no samples to compute on");
}
