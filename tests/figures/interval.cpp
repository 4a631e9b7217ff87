/// Golden values: scipy 1.17, each with the call that gave it.
#include "figures/interval.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>

#include <doctest/doctest.h>

using namespace afu::figures;
using doctest::Approx;

namespace {
Approx close(double v) { return Approx(v).epsilon(1e-12); }
}  // namespace

TEST_CASE("quantiles and tails of Student's t") {
  CHECK(t_quantile(0.975, 4) == close(2.7764451051977934));                  // scipy.stats.t.ppf(.975, 4)
  CHECK(t_quantile(0.975, 2) == close(4.302652729749462));                   // scipy.stats.t.ppf(.975, 2)
  CHECK(t_quantile(0.95, 4) / std::sqrt(5.0) == close(0.9533908663681714));  // of TOST: 0.9534 s
  CHECK(t_quantile(0.975, 4) / std::sqrt(5.0) == close(1.241663998203764));  // of the mean: 1.2417 s
  CHECK(2 * t_upper_tail(-0.884651736929386, 4) == close(0.4263172079403668));
  CHECK(t_upper_tail(std::numeric_limits<double>::infinity(), 4) == 0);
  CHECK_THROWS_AS(t_quantile(0.5, 0), std::domain_error);
}

TEST_CASE("a mean with its t-interval") {
  const auto e = estimate({0.71, 0.68, 0.74, 0.70, 0.69}, 0.95);
  CHECK(e.n == 5);
  CHECK(e.mean == close(0.704));
  CHECK(e.sd == close(0.023021728866442666));  // numpy.std(a, ddof=1)
  // scipy.stats.t.interval(.95, 4, loc=numpy.mean(a), scale=scipy.stats.sem(a))
  REQUIRE(e.interval);
  CHECK(e.interval->low == close(0.6754147480901298));
  CHECK(e.interval->high == close(0.7325852519098701));
}

TEST_CASE("one value has a mean and no interval; equal values have none of width") {
  CHECK_FALSE(estimate({0.3}, 0.95).interval);
  CHECK_FALSE(estimate({}, 0.95).interval);
  const auto e = estimate({0.1, 0.1, 0.1}, 0.95);
  CHECK(e.sd == 0);
  CHECK(e.interval->high - e.interval->low == 0);
}

TEST_CASE("what is no number does not vanish in a mean") {
  CHECK_THROWS_AS(estimate({0.1, std::nan("")}, 0.95), std::invalid_argument);
  CHECK_THROWS_AS(estimate({0.1, 0.2}, 1.0), std::domain_error);
}

TEST_CASE("Wilson's interval of a proportion") {
  // scipy.stats.binomtest(45, 50).proportion_ci(.95, 'wilson'), binomtest(0, 20)
  const auto a = wilson(45, 50, 0.95), b = wilson(0, 20, 0.95);
  CHECK(a.low == close(0.7863976856252034));
  CHECK(a.high == close(0.9565242350681095));
  CHECK(b.low == Approx(0).epsilon(1e-12));
  CHECK(b.high == close(0.16112515805281935));
  CHECK_THROWS_AS(wilson(0, 0, 0.95), std::invalid_argument);
  CHECK_THROWS_AS(wilson(3, 2, 0.95), std::invalid_argument);
}
