#include "train/schedule.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <stdexcept>

using namespace afu;

namespace {
data::IndicesPtr samples(std::int64_t n) {
  data::Indices r(static_cast<std::size_t>(n));
  std::iota(r.begin(), r.end(), std::int64_t{100});
  return std::make_shared<const data::Indices>(std::move(r));
}
const base::StreamKey key{3, base::purpose("train"), 2, 1};
}  // namespace

TEST_CASE("every epoch is another permutation of the samples, with a short last batch") {
  const auto s = samples(10);
  const train::Schedule schedule(s, 4, 3, 0, key);
  CHECK(schedule.steps() == 9);
  REQUIRE(schedule.order().size() == 30);
  std::set<data::Indices> orders;
  for (int e = 0; e < 3; ++e) {
    data::Indices epoch(schedule.order().begin() + 10 * e, schedule.order().begin() + 10 * (e + 1));
    orders.insert(epoch);
    std::sort(epoch.begin(), epoch.end());
    CHECK(epoch == *s);
  }
  CHECK(orders.size() == 3);
  const std::int64_t counts[] = {4, 4, 2};
  std::int64_t expected_begin = 0;
  for (std::int64_t step = 0; step < 9; ++step) {
    CHECK(schedule.begin(step) == expected_begin);
    CHECK(schedule.count(step) == counts[step % 3]);
    CHECK(schedule.starts_epoch(step) == (step % 3 == 0));
    expected_begin += schedule.count(step);
  }
}

TEST_CASE("steps override epochs and see the same order") {
  const train::Schedule by_epochs(samples(10), 4, 3, 0, key), by_steps(samples(10), 4, 99, 5, key);
  CHECK(by_steps.steps() == 5);
  REQUIRE(by_steps.order().size() == 18);  // 4 + 4 + 2, 4 + 4
  CHECK(std::equal(by_steps.order().begin(), by_steps.order().end(), by_epochs.order().begin()));
}

TEST_CASE("the order follows from the key alone") {
  auto other = key;
  other.round = 2;
  CHECK(train::Schedule(samples(50), 8, 1, 0, key).order() ==
        train::Schedule(samples(50), 16, 1, 0, key).order());
  CHECK(train::Schedule(samples(50), 8, 1, 0, key).order() !=
        train::Schedule(samples(50), 8, 1, 0, other).order());
}

TEST_CASE("a schedule of nothing is refused") {
  CHECK_THROWS_AS(train::Schedule(nullptr, 4, 1, 0, key), std::invalid_argument);
  CHECK_THROWS_AS(train::Schedule(samples(0), 4, 1, 0, key), std::invalid_argument);
  CHECK_THROWS_AS(train::Schedule(samples(5), 0, 1, 0, key), std::invalid_argument);
  CHECK_THROWS_AS(train::Schedule(samples(5), 4, 0, 0, key), std::invalid_argument);
  CHECK_THROWS_AS(train::Schedule(samples(5), 4, 1, -1, key), std::invalid_argument);
}
