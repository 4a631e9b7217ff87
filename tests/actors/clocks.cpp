#include <cmath>

#include "support.hpp"

using namespace afu;
using namespace afu::test;

namespace {
/// Fixed durations: client k takes (k + 1) s a job, links take no time.
const char* fixed = R"(
[scenario]
name = "fixed"
execute = "timing"
[data]
train_samples = 400
[partition]
clients = 4
[heterogeneity.compute]
seconds_per_sample = 0.0078125
slowdown = 1.0
override = [{ client = 0, slowdown = 1.28 }, { client = 1, slowdown = 2.56 }, { client = 2, slowdown = 3.84 }, { client = 3, slowdown = 5.12 }]
[heterogeneity.network]
latency_seconds = 0.0
[stop]
)";
}  // namespace

TEST_CASE("a FedAvg round lasts as long as its slowest client, exactly") {
  const auto p = play(std::string(fixed) + "rounds = 7\n", {"training.rule=fedavg"});
  const double slowest = 100 * 0.0078125 * 5.12;
  const auto merged = decisions(p, "merged");
  REQUIRE(merged.size() == 28);
  double expected = 0;
  for (std::size_t round = 0; round < 7; ++round) {
    expected += slowest;
    for (std::size_t k = 0; k < 4; ++k) CHECK(merged[round * 4 + k]["t"].get<double>() == expected);
  }
  CHECK(p.result.summary.virtual_seconds == expected);
}

TEST_CASE("asynchronous throughput is the sum of the clients' rates") {
  const auto p = play(std::string(fixed) + "seconds = 2000\n");
  const double unit = 100 * 0.0078125 * 1.28;
  const double rate = 1 / unit + 1 / (2 * unit) + 1 / (3 * unit) + 1 / (4 * unit);
  CHECK(p.result.summary.virtual_seconds == 2000);
  CHECK(static_cast<double>(p.result.summary.updates) == doctest::Approx(rate * 2000).epsilon(0.01));
}

TEST_CASE("the wall clock runs the same federation and reports its overrun") {
  const auto p = play(small, {"scenario.clock=wall", "scenario.time_scale=0.2", "stop.updates=24",
                              "calibration.steps=1", "erasure[0].at_update=10"});
  CHECK(p.result.report.failure == "");
  CHECK(p.result.summary.ended == "completed");
  CHECK(p.result.summary.updates == 24);
  REQUIRE(p.result.summary.overrun_share);
  CHECK(*p.result.summary.overrun_share >= 0.0);
  CHECK(*p.result.summary.overrun_share <= 1.0);
  CHECK(p.result.summary.erasures.at(0).forgotten_at.has_value());
  const auto simulated = play(small, {"stop.updates=24", "erasure[0].at_update=10"});
  CHECK(!simulated.result.summary.overrun_share);
}

TEST_CASE("a run that is interrupted ends in order") {
  std::atomic<bool> interrupt{true};
  actors::RunOptions options;
  options.interrupt = &interrupt;
  const auto p = play(small, {"scenario.clock=wall", "stop.updates=100000", "calibration.steps=1"}, options);
  CHECK(p.result.summary.ended == "interrupted");
  CHECK(p.log.size() > 0);
}
