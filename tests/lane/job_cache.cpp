#include "lane/job_cache.hpp"

#include <atomic>
#include <stdexcept>
#include <thread>

#include "engine/combine_job.hpp"
#include "job/key.hpp"
#include "lane/surroundings.hpp"
#include "metrics/evaluate_job.hpp"
#include "tests/engine/fixture.hpp"
#include "train/train_job.hpp"

using namespace afu;
using lane::JobCache;

namespace {

job::JobResult result_of(double number, const std::string& error = "") {
  job::JobResult r;
  r.numbers = {number};
  r.error = error;
  return r;
}

train::TrainJob train_job(const test::Lane& lane) {
  train::TrainJob job;
  job.sgd.lr = 0.05;
  job.base = lane.initial;
  job.samples = test::rows(0, 20);
  job.key = {1, 2, 3, 4};
  return job;
}

}  // namespace

TEST_CASE("a result is computed once, and given again") {
  JobCache cache(1 << 20);
  int calls = 0;
  const auto compute = [&] { return result_of(++calls); };
  CHECK(cache.get("a", compute)->numbers[0] == 1);
  CHECK(cache.get("a", compute)->numbers[0] == 1);
  CHECK(cache.get("b", compute)->numbers[0] == 2);
  CHECK(cache.counts().computed == 2);
  CHECK(cache.counts().found == 1);
}

TEST_CASE("who asks while it is being computed waits for that") {
  JobCache cache(1 << 20);
  std::atomic<int> calls{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      cache.get("a", [&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        return result_of(++calls);
      });
    });
  for (auto& t : threads) t.join();
  CHECK(calls == 1);
  CHECK(cache.counts().found == 3);
}

TEST_CASE("failures and what the budget has no room for are computed again") {
  JobCache cache(1 << 20), poor(10);
  CHECK(cache.get("a", [] { return result_of(1, "out of luck"); })->error == "out of luck");
  CHECK(cache.get("a", [] { return result_of(2); })->numbers[0] == 2);
  CHECK_THROWS(cache.get("b", []() -> job::JobResult { throw std::runtime_error("no"); }));
  CHECK(cache.get("b", [] { return result_of(3); })->numbers[0] == 3);
  poor.get("a", [] { return result_of(1); });
  CHECK(poor.get("a", [] { return result_of(2); })->numbers[0] == 2);
  CHECK(poor.counts().bytes == 0);
}

TEST_CASE("the key names everything that a job's result depends on") {
  const test::Lane lane;
  const auto job = train_job(lane);
  const auto key = job::key_of("here", job);
  CHECK(key == job::key_of("here", train_job(test::Lane())));  // by content, not by address
  CHECK(key != job::key_of("there", job));
  const auto differs = [&](auto change) {
    auto other = job;
    change(other);
    return job::key_of("here", other) != key;
  };
  CHECK(differs([](auto& j) { j.samples = test::rows(0, 21); }));
  CHECK(differs([](auto& j) { j.sgd.lr *= 2; }));
  CHECK(differs([](auto& j) { j.key.round = 5; }));
  CHECK(differs([](auto& j) { j.epochs = 2; }));
  CHECK(differs([](auto& j) { j.extras = std::make_shared<const train::TrainExtras>(); }));
  CHECK(differs([&](auto& j) { j.base = lane.plus(lane.initial, lane.initial); }));
  CHECK(job::key_of("here", metrics::EvaluateJob{lane.initial, nullptr}) !=
        job::key_of("here", engine::CombineJob{}));
}

TEST_CASE("the surroundings are device, model and images by content") {
  lane::EngineSpec spec;
  spec.device = "cpu";
  const auto images = test::tiny_images(10);
  const auto key = lane::surroundings_key(spec, *images);
  CHECK(key == lane::surroundings_key(spec, *test::tiny_images(10)));
  auto other = *images;
  other.pixels.back() ^= 1;
  CHECK(key != lane::surroundings_key(spec, other));
  spec.model.name = config::Architecture::mlp;
  CHECK(key != lane::surroundings_key(spec, *images));
}

TEST_CASE("who has the same pool has the same images and labels in the same shape") {
  const auto images = test::tiny_images(10);
  const auto key = lane::pool_key(*images);
  CHECK(key == lane::pool_key(*test::tiny_images(10)));
  CHECK(key != lane::pool_key(*test::tiny_images(11)));
  auto other = *images;
  other.pixels.back() ^= 1;
  CHECK(key != lane::pool_key(other));
  other = *images;
  other.labels.front() += 1;
  CHECK(key != lane::pool_key(other));
  other = *images;
  std::swap(other.channels, other.height);
  CHECK(key != lane::pool_key(other));
}
