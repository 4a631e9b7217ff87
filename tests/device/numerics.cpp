#include "device/numerics.hpp"
#include "config/sections/compute.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <thread>

using namespace afu;
using namespace afu::device;

TEST_CASE("only GPUs need the process's switches") {
  config::ComputeSection section;
  CHECK(switches_of(section, {"cuda:0"}) == Switches{false, true});
  CHECK(switches_of(section, {"cpu"}) == Switches{});
  section.precision = config::Precision::tf32;
  section.deterministic = false;
  CHECK(switches_of(section, {"cpu", "cuda:1"}) == Switches{true, false});
  section.precision = config::Precision::bf16;
  CHECK(switches_of(section, {"cuda:0"}) == Switches{});
}

TEST_CASE("LibTorch computes by the lease's switches") {
  for (const auto& wanted : {Switches{true, false}, Switches{false, true}, Switches{}}) {
    const NumericsLease lease(wanted);
    CHECK(current_switches() == wanted);
  }
}

TEST_CASE("runs that want the same share the switches, others wait until they have ended") {
  std::atomic<bool> other_began{false};
  std::thread other;
  {
    const NumericsLease first({false, true}), second({false, true});
    other = std::thread([&] {
      const NumericsLease lease({true, false});
      other_began = true;
      CHECK(current_switches() == Switches{true, false});
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    CHECK_FALSE(other_began);
    CHECK(current_switches() == Switches{false, true});
  }
  other.join();
  CHECK(other_began);
  const NumericsLease last({});
  CHECK(current_switches() == Switches{});
}
