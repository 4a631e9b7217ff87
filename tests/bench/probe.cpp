#include "bench/probe.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

#include "engine/graph/capture.hpp"

using namespace afu::bench;
using namespace afu::device;
using namespace afu::engine;
using namespace afu::engine::graph;

TEST_CASE("the CPU's ceilings are of a CPU's size") {
  const auto p = probe("cpu");
  CHECK(p.copy_bytes_per_second > 1e8);
  CHECK(p.copy_bytes_per_second < 1e12);
  CHECK(p.matmul_flops_per_second > 1e8);
  CHECK(p.matmul_flops_per_second < 1e12);
  CHECK(p.launch_seconds > 1e-7);
  CHECK(p.launch_seconds < 1e-1);
  CHECK(p.upload_bytes_per_second == 0);
  CHECK(p.replay_seconds == 0);
  CHECK_THROWS_AS(probe("cuda:99"), std::runtime_error);
}

TEST_CASE("a GPU's ceilings are of a GPU's size" * doctest::test_suite("gpu")) {
  if (list_devices().size() == 1) {
    MESSAGE("skipped: no GPU is visible");
    return;
  }
  const auto p = probe("cuda:0");
  CHECK(p.copy_bytes_per_second > 5e10);
  CHECK(p.upload_bytes_per_second > 1e9);
  CHECK(p.matmul_flops_per_second > 1e12);
  CHECK(p.launch_seconds < 1e-4);
  if (graph::no_recordings_on("cuda:0").empty()) CHECK(p.replay_seconds < p.launch_seconds);
}
