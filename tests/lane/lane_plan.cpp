#include "lane/lane_plan.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

using namespace afu::device;
using namespace afu::lane;

namespace {

constexpr std::int64_t MiB = 1 << 20;

DeviceInfo device(const std::string& name, std::int64_t free_mib, std::int64_t cores = 8) {
  DeviceInfo d;
  d.name = name;
  d.free_bytes = free_mib * MiB;
  d.memory_bytes = 2 * d.free_bytes;
  d.cores_or_sms = cores;
  return d;
}

std::string refusal(const std::vector<DeviceInfo>& slots, std::int64_t lanes, const LaneNeeds& needs) {
  std::vector<std::string> notes;
  try {
    plan_lanes(slots, lanes, needs, notes);
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("by default a slot gets as many lanes as cores, or 8 on a GPU") {
  std::vector<std::string> notes;
  CHECK(plan_lanes({device("cpu", 10000, 6), device("cuda:0", 10000, 132)}, 0, {10 * MiB, 100 * MiB},
                   notes) == std::vector<int>{6, 8});
  CHECK(plan_lanes({device("cuda:0", 10000), device("cuda:1", 10000)}, 3, {10 * MiB, 100 * MiB}, notes) ==
        std::vector<int>{3, 3});
  CHECK(notes.empty());
}

TEST_CASE(
    "without a number asked for there are as many lanes as fit beside data and service lane, and it is "
    "said") {
  std::vector<std::string> notes;
  // 900 MiB of 1000 may be used; 600 are left by the data's copy: 540: 9 of 60, one of which is for merges.
  CHECK(plan_lanes({device("cuda:0", 1000)}, 0, {60 * MiB, 400 * MiB}, notes) == std::vector<int>{8});
  CHECK(notes.empty());
  CHECK(plan_lanes({device("cuda:0", 1000)}, 0, {180 * MiB, 400 * MiB}, notes) == std::vector<int>{2});
  CHECK(notes ==
        std::vector<std::string>{"cuda:0: 2 lanes instead of 8: one needs 180 MiB, the data set 400 MiB, one "
                                 "lane is for merges, and 1000 MiB are free"});
}

TEST_CASE("lanes that are asked for and do not fit are refused, as is a device without room for one") {
  CHECK(refusal({device("cuda:0", 1000)}, 3, {180 * MiB, 400 * MiB}) ==
        "cuda:0: compute.lanes is 3, which does not fit: one needs 180 MiB, the data set 400 MiB, one lane "
        "is for merges, and 1000 MiB are free; at most 2 do");
  CHECK(refusal({device("cuda:0", 1000)}, 2, {180 * MiB, 400 * MiB}) == "");
  CHECK(refusal({device("cuda:0", 1000)}, 0, {300 * MiB, 400 * MiB}).find("cuda:0: not one lane fits: ") ==
        0);
  CHECK(refusal({device("cuda:0", 1000)}, 0, {1 * MiB, 2000 * MiB}).find("cuda:0: not one lane fits: ") == 0);
}

TEST_CASE("the slots of a device that is there twice share its memory") {
  std::vector<std::string> notes;
  // The first slot takes 100 + 4 * 100 (one for merges), which leaves 1100 for a second copy and its lanes.
  CHECK(plan_lanes({device("cuda:0", 1600), device("cuda:0", 1600)}, 3, {100 * MiB, 100 * MiB}, notes) ==
        std::vector<int>{3, 3});
  CHECK(refusal({device("cuda:0", 900), device("cuda:0", 900)}, 3, {100 * MiB, 100 * MiB}) ==
        "cuda:0: compute.lanes is 3, which does not fit: one needs 100 MiB, the data set 100 MiB, and 400 "
        "MiB are free; at most 2 do");
  CHECK(refusal({device("cuda:0", 900), device("cuda:1", 900)}, 3, {100 * MiB, 100 * MiB}) == "");
}

TEST_CASE("the CPU reads the host's own data, a second slot of it a copy") {
  std::vector<std::string> notes;
  CHECK(plan_lanes({device("cpu", 1000)}, 2, {100 * MiB, 2000 * MiB}, notes) == std::vector<int>{2});
  CHECK(refusal({device("cpu", 1000), device("cpu", 1000)}, 2, {100 * MiB, 2000 * MiB}) != "");
}
