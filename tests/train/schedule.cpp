#include "train/schedule.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
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

TEST_CASE(
    "balanced: as many steps, each class as likely as any other, and each goes through its own samples") {
  std::vector<std::int64_t> labels(1000);  // 900, 90 and 10
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = i < 900 ? 7 : i < 990 ? 2 : 0;
  const auto s = samples(1000);
  const train::Schedule plain(s, 32, 6, 0, key), balanced(s, 32, 6, 0, key, labels);
  CHECK(balanced.steps() == plain.steps());
  CHECK(balanced.order().size() == plain.order().size());
  CHECK(balanced.begin(40) == plain.begin(40));
  CHECK(balanced.count(31) == plain.count(31));
  std::map<std::int64_t, std::map<std::int64_t, int>> seen;  // by label, how often which row
  for (auto row : balanced.order()) ++seen[labels.at(static_cast<std::size_t>(row - 100))][row];
  for (auto& [label, rows] : seen) {
    CAPTURE(label);
    int count = 0, least = 1 << 30, most = 0;
    for (const auto& [row, times] : rows)
      count += times, least = std::min(least, times), most = std::max(most, times);
    CHECK(count > 1850);  // of 2000 that are to be expected; deviation 37
    CHECK(count < 2150);
    CHECK(rows.size() == (label == 7 ? 900 : label == 2 ? 90 : 10));
    CHECK(most - least <= 1);
  }
  CHECK(train::Schedule(s, 32, 6, 0, key, labels).order() == balanced.order());
  const train::Schedule one(samples(5), 2, 1, 0, key, {1, 1, 1, 1, 1});
  CHECK(std::set<std::int64_t>(one.order().begin(), one.order().end()).size() == 5);
  CHECK_THROWS_WITH_AS(train::Schedule(samples(5), 2, 1, 0, key, {1, 2}), "there are 2 labels of 5 samples",
                       std::invalid_argument);
}

TEST_CASE("a schedule of nothing is refused") {
  CHECK_THROWS_AS(train::Schedule(nullptr, 4, 1, 0, key), std::invalid_argument);
  CHECK_THROWS_AS(train::Schedule(samples(0), 4, 1, 0, key), std::invalid_argument);
  CHECK_THROWS_AS(train::Schedule(samples(5), 0, 1, 0, key), std::invalid_argument);
  CHECK_THROWS_AS(train::Schedule(samples(5), 4, 0, 0, key), std::invalid_argument);
  CHECK_THROWS_AS(train::Schedule(samples(5), 4, 1, -1, key), std::invalid_argument);
}

TEST_CASE("shards are gone through in turn, an epoch of each") {
  const auto of = [](data::Indices rows) { return std::make_shared<const data::Indices>(std::move(rows)); };
  const auto first = of({1, 2, 3, 4, 5}), second = of({7, 8});
  const train::Schedule schedule({first, second}, 2, 3, key);
  CHECK(schedule.steps() == 3 * 3 + 3);
  REQUIRE(schedule.order().size() == 21);
  std::int64_t begin = 0;
  for (std::int64_t step = 0; step < schedule.steps(); ++step) {
    CAPTURE(step);
    CHECK(schedule.begin(step) == begin);
    const auto of_round = step % 4;  // three of the first, one of the second
    CHECK(schedule.count(step) == (of_round == 2 ? 1 : 2));
    CHECK(schedule.starts_epoch(step) == (of_round == 0 || of_round == 3));
    CHECK(schedule.shard(step) == (of_round == 3 ? 1 : 0));
    CHECK(schedule.in_last_epoch(step) == (step >= 8));
    begin += schedule.count(step);
  }
  CHECK(begin == 21);
  for (int e = 0; e < 6; ++e) {
    const auto at = schedule.order().begin() + e / 2 * 7 + e % 2 * 5;
    data::Indices epoch(at, at + (e % 2 == 0 ? 5 : 2));
    std::sort(epoch.begin(), epoch.end());
    CHECK(epoch == (e % 2 == 0 ? *first : *second));
  }
}

TEST_CASE("a shard alone is gone through as samples that are no shard; an empty one is refused") {
  const train::Schedule whole(samples(10), 4, 3, 0, key), shard({samples(10)}, 4, 3, key);
  CHECK(shard.order() == whole.order());
  CHECK(shard.steps() == whole.steps());
  for (std::int64_t step = 0; step < whole.steps(); ++step) {
    CHECK(whole.shard(step) == 0);
    CHECK(shard.in_last_epoch(step) == whole.in_last_epoch(step));
    CHECK(whole.in_last_epoch(step) == (step >= 6));
  }
  CHECK_THROWS_AS(train::Schedule({samples(10), samples(0)}, 4, 3, key), std::invalid_argument);
  CHECK_THROWS_AS(train::Schedule(std::vector<data::IndicesPtr>{}, 4, 3, key), std::invalid_argument);
}

TEST_CASE("the order of shards is drawn anew for each job") {
  std::set<std::vector<std::size_t>> orders;
  for (std::uint64_t job = 1; job <= 30; ++job) {
    const base::StreamKey of{3, base::purpose("train"), 2, job};
    const auto order = train::shard_order(of, 4);
    CHECK(order == train::shard_order(of, 4));
    CHECK(std::set<std::size_t>(order.begin(), order.end()) == std::set<std::size_t>{0, 1, 2, 3});
    orders.insert(order);
  }
  CHECK(orders.size() > 10);
}
