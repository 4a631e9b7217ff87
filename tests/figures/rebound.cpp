#include "figures/rebound.hpp"

#include <cmath>
#include <limits>

#include <doctest/doctest.h>

using namespace afu::figures;
using afu::record::MetricsRow;
using doctest::Approx;

namespace {

const Metric& attack() { return *find_metric("attack_success_rate"); }

MetricsRow row(double time, std::uint64_t updates, double attack) {
  MetricsRow r;
  r.time = time;
  r.updates = updates;
  r.attack_success_rate = attack;
  return r;
}

ReboundPlan plan(std::size_t rounds, std::size_t tail, std::size_t updates) {
  return {true, rounds, tail, updates};
}

}  // namespace

TEST_CASE("a curve is read at every round and interpolated in the count of updates") {
  const auto c = round_curve({row(9, 60, 0.9), row(10, 60, 0.1), row(12, 64, 0.5), row(20, 72, 0.3)}, 10,
                             attack(), plan(3, 1, 4));
  REQUIRE(c.size() == 4);  // update 76 was never reached: nothing is extrapolated
  CHECK(c[0] == 0.1);
  CHECK(c[1] == 0.5);
  CHECK(c[2] == Approx(0.4));
  CHECK(c[3] == 0.3);
}

TEST_CASE("of several versions at the instant of the erasure the last is the erased one") {
  const auto p = plan(1, 0, 2);
  CHECK(round_curve({row(10, 60, 0.9), row(10, 60, 0.1), row(11, 62, 0.2)}, 10, attack(), p)[0] == 0.1);
  // A calibration before the next update does not change 0+, one behind it counts.
  const auto c = round_curve({row(10, 60, 0.1), row(10.5, 60, 0.3), row(11, 62, 0.2), row(11.2, 62, 0.25)},
                             10, attack(), p);
  CHECK(c[0] == 0.1);
  CHECK(c[1] == 0.25);
}

TEST_CASE("a curve ends where there is no number, no measurement, or the training began again") {
  const auto p = plan(2, 0, 2);
  const double nan = std::nan("");
  CHECK(round_curve({row(1, 2, 0.9)}, 10, attack(), p).empty());
  CHECK(round_curve({row(10, 60, 0.1), row(11, 62, nan), row(12, 64, 0.1)}, 10, attack(), p).size() == 1);
  CHECK(round_curve({row(10, 60, 0.1), row(11, 62, 0.2), row(12, 0, 0.1), row(13, 64, 0.1)}, 10, attack(), p)
            .size() == 2);
  auto unmeasured = row(10, 60, 0);
  unmeasured.attack_success_rate.reset();
  CHECK(round_curve({unmeasured}, 10, attack(), p).empty());
  CHECK(round_curve({unmeasured, row(11, 62, 0.2)}, 10, attack(), p).empty());  // 62 is not 0+
  CHECK(round_curve({unmeasured, row(10, 60, 0.1), row(11, 62, 0.2)}, 10, attack(), p).size() == 2);
  unmeasured.time = 11;
  unmeasured.updates = 62;
  CHECK(round_curve({row(10, 60, 0.1), unmeasured, row(12, 64, 0.1)}, 10, attack(), p).size() == 1);
}

TEST_CASE("the figures of a rebound on a curve that rises by a hundredth a round") {
  RoundCurve c;
  for (int t = 0; t <= 100; ++t) c.push_back(0.02 + 0.008 * t);
  const auto r = rebound_of(c, 0.82, plan(50, 50, 7));
  CHECK(*r.max == Approx(0.4));
  CHECK(*r.end == Approx(0.008 * 48));  // mean over rounds 46 to 50
  CHECK(*r.tail == Approx(0.8));
  CHECK(*r.slope == Approx(0.008));
  CHECK(*r.half == 50);  // the first round at which it is 0.42
  CHECK_FALSE(rebound_of(c, 0.01, plan(50, 50, 7)).half);
  CHECK_FALSE(rebound_of(c, std::nullopt, plan(50, 50, 7)).half);
}

TEST_CASE("a curve that ends early has the figures that it can have") {
  const RoundCurve c(31, 0.1);
  const auto r = rebound_of(c, 0.9, plan(30, 50, 7));
  CHECK(*r.max == 0);
  CHECK(*r.end == Approx(0));
  CHECK_FALSE(r.tail);
  CHECK_FALSE(rebound_of(RoundCurve(20, 0.1), 0.9, plan(30, 50, 7)).max);
  CHECK_FALSE(rebound_of({}, 0.9, plan(30, 50, 7)).max);
}

TEST_CASE("excess over the matched reference") {
  RoundCurve m(11, 0.05), reference(11, 0.05);
  for (int t = 3; t <= 7; ++t) m[t] = 0.15;  // five rounds 0.1 above
  for (int t = 8; t <= 10; ++t) m[t] = 0.0;  // then below
  const auto e = excess_of(m, reference, plan(10, 0, 1));
  CHECK(e.rounds == 10);
  CHECK(*e.area == Approx(0.05));  // 5 x 0.1 / 10; what lies below counts nothing
  CHECK(*e.peak == Approx(0.1));
  CHECK_FALSE(e.tail);
  // One noisy version makes no peak of its own height.
  RoundCurve spike(11, 0.05);
  spike[5] = 0.55;
  CHECK(*excess_of(spike, reference, plan(10, 0, 1)).peak == Approx(0.1));
}

TEST_CASE("excess comes in blocks of five rounds, a short rest joining the last") {
  const auto blocks = blocks_of(12);
  REQUIRE(blocks.size() == 2);
  CHECK(blocks[0].first == 1);
  CHECK(blocks[0].last == 5);
  CHECK(blocks[1].first == 6);
  CHECK(blocks[1].last == 12);
  CHECK(blocks_of(10).size() == 2);
  CHECK(blocks_of(3).size() == 1);
  CHECK(blocks_of(3)[0].last == 3);
  CHECK(blocks_of(0).empty());
  RoundCurve curve(11, 0.1), reference(11, 0.0);
  for (std::size_t t = 6; t <= 10; ++t) curve[t] = 0.3;
  const auto e = excess_of(curve, reference, plan(10, 0, 1));
  REQUIRE(e.blocks.size() == 2);
  CHECK(e.blocks[0] == Approx(0.1));
  CHECK(e.blocks[1] == Approx(0.3));
}

TEST_CASE("excess reaches as far as both curves, and the tail has its own peak") {
  RoundCurve m(21, 0.0), reference(21, 0.0);
  for (int t = 12; t <= 20; ++t) m[t] = 0.2;
  const auto e = excess_of(m, reference, plan(10, 10, 1));
  CHECK(*e.area == 0);
  CHECK(*e.tail == Approx(0.2));
  const auto cut = excess_of(m, RoundCurve(9, 0.0), plan(10, 10, 1));
  CHECK(cut.rounds == 8);
  CHECK_FALSE(cut.area);
  CHECK_FALSE(cut.tail);
  CHECK(*cut.peak == 0);
  CHECK_FALSE(excess_of({}, reference, plan(10, 10, 1)).peak);
}
