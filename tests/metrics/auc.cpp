#include "metrics/auc.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <stdexcept>

#include "base/random.hpp"

using afu::metrics::auc;

namespace {
double by_pairs(const std::vector<double>& positives, const std::vector<double>& negatives) {
  double wins = 0;
  for (double p : positives)
    for (double n : negatives) wins += p > n ? 1.0 : p == n ? 0.5 : 0.0;
  return wins / static_cast<double>(positives.size() * negatives.size());
}
}  // namespace

TEST_CASE("auc: known values") {
  CHECK(auc({2, 3}, {0, 1}) == 1.0);
  CHECK(auc({0, 1}, {2, 3}) == 0.0);
  CHECK(auc({1, 1, 1}, {1, 1}) == 0.5);
  CHECK(auc({0.35, 0.8}, {0.1, 0.4}) == 0.75);
  CHECK(auc({2, 1}, {1}) == 0.75);
}

TEST_CASE("auc: as counted over all pairs, with and without ties") {
  afu::base::Stream stream({5, afu::base::purpose("test.auc"), 0, 0});
  for (std::uint64_t distinct : {2u, 7u, 100000u}) {
    std::vector<double> positives, negatives;
    for (int i = 0; i < 83; ++i) positives.push_back(static_cast<double>(stream.below(distinct)) + 0.0);
    for (int i = 0; i < 41; ++i) negatives.push_back(static_cast<double>(stream.below(distinct)));
    CHECK(auc(positives, negatives) == doctest::Approx(by_pairs(positives, negatives)).epsilon(1e-12));
  }
}

TEST_CASE("auc: infinite scores are ordered, others refused") {
  const double inf = std::numeric_limits<double>::infinity();
  CHECK(auc({-inf, -inf}, {-inf}) == 0.5);
  CHECK(auc({0}, {-inf}) == 1.0);
  CHECK(std::isnan(auc({std::nan("")}, {0})));
  CHECK(std::isnan(auc({0, 1}, {0, std::nan("")})));
  CHECK_THROWS_AS(auc({}, {0}), std::invalid_argument);
  CHECK_THROWS_AS(auc({0}, {}), std::invalid_argument);
}
