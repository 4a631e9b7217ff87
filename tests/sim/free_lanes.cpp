#include "sim/free_lanes.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

using namespace afu::sim;

namespace {

std::vector<std::uint32_t> taken(FreeLanes& lanes) {
  std::vector<std::uint32_t> all;
  while (const auto lane = lanes.take()) all.push_back(*lane);
  return all;
}

}  // namespace

TEST_CASE("lanes of one machine are taken in order, and then the one that was busy last") {
  FreeLanes lanes({{3, 3}});
  CHECK(lanes.count() == 3);
  CHECK(taken(lanes) == std::vector<std::uint32_t>{0, 1, 2});
  CHECK(lanes.count() == 0);
  lanes.freed(1), lanes.freed(0);
  CHECK(lanes.count() == 2);
  CHECK(taken(lanes) == std::vector<std::uint32_t>{0, 1});
}

TEST_CASE("no job waits behind another one while a lane of another machine has nothing to do") {
  FreeLanes lanes({{1, 1}, {4, 2}, {2, 1}});  // here; a node of two lanes; a node of one
  CHECK(taken(lanes) == std::vector<std::uint32_t>{0, 1, 2, 5, 3, 4, 6});
  lanes.freed(5), lanes.freed(3),
      lanes.freed(0);  // the node of one lane still has a job, that of two has three
  CHECK(lanes.take() == 0u);
  CHECK(lanes.take() == 3u);  // of two nodes that compute all they can, the first
  CHECK(lanes.take() == 5u);
  CHECK_FALSE(lanes.take());
}

TEST_CASE("a lane is freed once, and a group computes no more at once than it has lanes") {
  FreeLanes lanes({{2, 1}});
  CHECK_THROWS_AS(lanes.freed(0), std::logic_error);
  CHECK_THROWS_AS(FreeLanes({{1, 2}}), std::logic_error);
  CHECK_THROWS_AS(FreeLanes({{0, 0}}), std::logic_error);
}

TEST_CASE("there may be no lane at all") {
  FreeLanes lanes({});
  CHECK(lanes.count() == 0);
  CHECK_FALSE(lanes.take());
}
