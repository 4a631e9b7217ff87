#include "cli/study_eta.hpp"

#include <doctest/doctest.h>

using namespace afu::cli;

namespace {

EtaCell cell(std::size_t kind, double work, double seconds = 0, double share = 0) {
  return {kind, work, seconds, share};
}

}  // namespace

TEST_CASE("nothing is said of the time left before a cell has ended") {
  CHECK_FALSE(time_left({}, {cell(0, 10, 5)}, {cell(1, 10)}, 2));
  CHECK(eta_text(std::nullopt) == "ETA unknown yet");
}

TEST_CASE("the time left divides what is left among the runners, and cells that share a past are cheaper") {
  // Of a group of 21: the first took 12 s with the past (work 400), the others are 50 each; two runners. The
  // mean of the ended cells times the number of those left would say 12 x 20 = 240 s.
  std::vector<EtaCell> waiting(19, cell(1, 50));
  const auto left = time_left({cell(0, 400, 12)}, {cell(1, 50)}, waiting, 2);
  REQUIRE(left);
  CHECK(left->low == doctest::Approx(20 * 50 * (12.0 / 400) / 2 / 2));   // half the pace that was seen
  CHECK(left->high == doctest::Approx(20 * 50 * (12.0 / 400) * 2 / 2));  // twice
  CHECK(eta_text(left) == "ETA 0:08 to 0:30");

  // Once the kind has been measured, what it took counts.
  const auto known = time_left({cell(0, 400, 12), cell(1, 50, 2)}, {}, waiting, 2);
  REQUIRE(known);
  CHECK(known->low == known->high);
  CHECK(known->high == doctest::Approx(19));
  CHECK(eta_text(known) == "ETA 0:19");
}

TEST_CASE("a running cell counts by how far it is, and nothing ends before the longest cell") {
  const auto half = time_left({cell(0, 1, 100)}, {cell(0, 1, 80, 0.5)}, {}, 4);
  REQUIRE(half);
  CHECK(half->high == doctest::Approx(50));  // half of 100 s, however many runners are idle
  const auto unknown_share = time_left({cell(0, 1, 100)}, {cell(0, 1, 80)}, {}, 4);
  CHECK(unknown_share->high == doctest::Approx(20));
  CHECK(time_left({cell(0, 1, 1)}, {}, {}, 2)->high == 0);
}

TEST_CASE("durations read like a clock") {
  CHECK(clock_text(75) == "1:15");
  CHECK(clock_text(3675) == "1:01:15");
  CHECK(clock_text(-1) == "0:00");
}
