/// Golden values: scipy 1.17, each with the call that gave it. a, b: two methods over five seeds.
#include "figures/paired.hpp"

#include <cmath>
#include <stdexcept>

#include <doctest/doctest.h>

using namespace afu::figures;
using doctest::Approx;

namespace {
using Outcome = Equivalence::Outcome;
const std::vector<double> a{0.71, 0.68, 0.74, 0.70, 0.69}, b{0.70, 0.69, 0.72, 0.71, 0.67};
Approx close(double v) { return Approx(v).epsilon(1e-10); }
}  // namespace

TEST_CASE("paired t-test and Cohen's d_z") {
  const auto r = paired_t_test(a, b, 0.95);  // scipy.stats.ttest_rel(a, b)
  CHECK(r.difference.mean == close(0.006));
  CHECK(*r.t == close(0.884651736929386));
  CHECK(*r.p == close(0.4263172079403668));
  CHECK(r.difference.interval->low == close(-0.012830766883484328));  // .confidence_interval(.95)
  CHECK(r.difference.interval->high == close(0.02483076688348434));
  CHECK(*r.d_z == close(0.39562828403747363));  // d.mean() / d.std(ddof=1)
}

TEST_CASE("pairs that cannot be tested, and differences without variance") {
  CHECK_FALSE(paired_t_test({1}, {2}, 0.95).p);
  CHECK_THROWS_AS(paired_t_test({1, 2}, {1}, 0.95), std::invalid_argument);
  const auto same = paired_t_test(a, a, 0.95);
  CHECK(*same.p == 1);
  CHECK_FALSE(same.d_z);
  const auto shifted = paired_t_test({2, 3, 4}, {1, 2, 3}, 0.95);
  CHECK(*shifted.p == 0);
  CHECK(std::isinf(*shifted.t));
  CHECK_FALSE(shifted.d_z);
}

TEST_CASE("Holm's adjustment keeps the order and never falls") {
  // By hand: 4 x .005 = .02, 3 x .01 = .03, 2 x .03 = .06, max(.06, 1 x .04) = .06
  const auto p = holm({0.01, 0.04, 0.03, 0.005});
  CHECK(p[0] == close(0.03));
  CHECK(p[1] == close(0.06));
  CHECK(p[2] == close(0.06));
  CHECK(p[3] == close(0.02));
  CHECK(holm({0.6, 0.7})[0] == 1);
  CHECK(holm({}).empty());
}

TEST_CASE("two one-sided tests") {
  const auto close_call = tost(a, b, 0.02, 0.05);
  REQUIRE(close_call);
  // d = a - b; max of scipy.stats.ttest_1samp(d, -.02, alternative='greater').pvalue, (d, .02, 'less').pvalue
  CHECK(close_call->p == close(0.05396941114613796));
  // scipy.stats.ttest_1samp(d, 0).confidence_interval(.90)
  CHECK(close_call->interval.low == close(-0.008458888378332446));
  CHECK(close_call->interval.high == close(0.02045888837833245));
  CHECK(close_call->outcome == Outcome::open);
  CHECK(tost(a, b, 0.021, 0.05)->outcome == Outcome::equivalent);
  CHECK(tost(a, b, 0.021, 0.05)->p < 0.05);
}

TEST_CASE("an interval outside the margins is a difference, on either side") {
  const std::vector<double> high{0.81, 0.79, 0.83, 0.80, 0.78};
  CHECK(tost(high, b, 0.02, 0.05)->outcome == Outcome::different);
  CHECK(tost(b, high, 0.02, 0.05)->outcome == Outcome::different);
  CHECK(tost(b, high, 0.02, 0.05)->p > 0.99);
  CHECK_FALSE(tost({1}, {1}, 0.02, 0.05));
  CHECK(tost({1, 1}, {1, 1}, 0.02, 0.05)->outcome == Outcome::equivalent);
  CHECK(tost({1, 1}, {1, 1}, 0.02, 0.05)->p == 0);
  CHECK_THROWS_AS(tost(a, b, 0, 0.05), std::invalid_argument);
}
