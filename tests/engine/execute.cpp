#include "engine/execute.hpp"
#include "bench/bench_aggregate.hpp"
#include "bench/bench_calibrate.hpp"
#include "bench/bench_timing.hpp"
#include "bench/bench_train.hpp"
#include "tests/engine/fixture.hpp"
#include "train/train_job.hpp"

using namespace afu;
using test::Lane;

TEST_CASE("a result carries the real time its job took") {
  Lane lane;
  train::TrainJob job;
  job.sgd.lr = 0.05;
  job.base = lane.initial;
  job.samples = test::rows(0, 100);
  job.epochs = 500;
  double measured = 0;
  const double real = bench::timed([&] { measured = lane.run(job).seconds; }).wall;
  CHECK(measured <= real);
  CHECK(measured > 0.1 * real);
  job.samples = nullptr;
  CHECK(engine::execute(*lane.workspace, job).seconds >= 0);
}

TEST_CASE("an error of LibTorch comes back as text without its backtrace") {
  Lane lane;
  auto pool = std::make_shared<data::Images>(*test::tiny_images(4));
  pool->labels[2] = 77;  // no such class
  engine::Workspace broken(model::make_model(test::network("mlp"), test::tiny_shape),
                           engine::make_resident(pool, torch::kCPU), torch::kCPU);
  train::TrainJob job;
  job.sgd.lr = 0.05;
  job.base = lane.initial;
  job.samples = test::rows(0, 4);
  const auto error = engine::execute(broken, job).error;
  CHECK(error.find("train: ") == 0);
  CHECK(error.find("77") != std::string::npos);
  CHECK(error.find("frame #") == std::string::npos);
}

TEST_CASE("the training benchmark measures lanes and plain loop") {
  const auto bench = bench::bench_train(test::network("mlp"), test::tiny_shape, {"cpu", 8, 3, {1, 2}, 2});
  REQUIRE(bench.rows.size() == 6);
  for (int lanes : {1, 2})
    for (const char* engine : {"fused", "autograd", "plain"}) CHECK(bench.rate(engine, lanes) > 0);
  CHECK(bench.rate("fused", 3) == 0);
  for (const auto& row : bench.rows) CHECK(row.images_per_cpu_second > 0);
  CHECK(bench.peak_flops_per_second > 1e8);
  CHECK(bench.parameters == 64 * 16 + 16 + 16 * 16 + 16 + 16 * 3 + 3);
  CHECK(bench.bound(2) == doctest::Approx(2 * bench.bound(1)));
  CHECK(to_text(bench).find("mlp: 1363 parameters, batch 8, 3 steps") == 0);
  for (const bench::TrainBenchSettings& wrong :
       {bench::TrainBenchSettings{"cpu", 0, 3, {1}}, bench::TrainBenchSettings{"cpu", 8, 3, {}},
        bench::TrainBenchSettings{"cpu", 8, 3, {1, 0}}})
    CHECK_THROWS_AS(bench::bench_train(test::network("mlp"), test::tiny_shape, wrong), std::invalid_argument);
  CHECK_THROWS_AS(bench::bench_train(test::network("mlp"), test::tiny_shape, {"cuda:99", 8, 3, {1}}),
                  std::runtime_error);
}

TEST_CASE("the calibration benchmark takes every arm, each against its own floor") {
  const auto bench = bench::bench_calibrate(test::network("mlp"), test::tiny_shape, 3, 4, 2, "cpu", 1);
  REQUIRE(bench.rows.size() == 8);
  CHECK(bench.images == 12);
  std::map<std::string, bench::CalibrateBench::Row> rows;
  for (const auto& row : bench.rows) {
    CHECK(row.steps_per_second > 0);
    CHECK(row.floor_seconds > 0);
    rows[row.arm] = row;
  }
  CHECK(rows.at("none").passes == 1);
  CHECK(rows.at("perturbation, oracle").passes == 2);  // T(x) too
  CHECK(rows.at("irm, interventional").passes == 4);
  CHECK(rows.at("perturbation, blind").floor_seconds > rows.at("irm").floor_seconds);
  CHECK(rows.at("irm").floor_seconds == doctest::Approx(rows.at("none").floor_seconds));
  CHECK(to_text(bench).find("mlp: 1363 parameters, 12 images in 3 environments") == 0);
  CHECK_THROWS_AS(bench::bench_calibrate(test::network("mlp"), test::tiny_shape, 0, 4, 2, "cpu", 1),
                  std::invalid_argument);
}

TEST_CASE("the aggregation benchmark counts what a merge reads and writes") {
  const auto bench = bench::bench_aggregate(test::network("mlp"), test::tiny_shape, "cpu", 3);
  REQUIRE(bench.rows.size() == 5);
  CHECK(bench.parameters == 1363);
  for (const auto& r : bench.rows) {
    CHECK(r.bytes_per_second * r.seconds == doctest::Approx(4.0 * 1363 * (r.updates + 2)));
    CHECK(r.ratio() > 0);
  }
  CHECK(to_text(bench).find("mlp: 1363 parameters") == 0);
  CHECK_THROWS_AS(bench::bench_aggregate(test::network("mlp"), test::tiny_shape, "cpu", 0),
                  std::invalid_argument);
}
