#include "data/shards.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

using namespace afu;

namespace {

/// One client with rows 10 to 10 + n; of subjects where `subject_of` is given.
data::FederatedData of_rows(std::int64_t n, const std::vector<std::int64_t>& subject_of = {}) {
  auto pool = std::make_shared<data::Images>();
  pool->labels.resize(static_cast<std::size_t>(n + 10));
  if (!subject_of.empty()) {
    pool->subjects.assign(10, -1);
    pool->subjects.insert(pool->subjects.end(), subject_of.begin(), subject_of.end());
  }
  data::FederatedData data;
  data.pool = pool;
  data::Indices rows(static_cast<std::size_t>(n));
  std::iota(rows.begin(), rows.end(), std::int64_t{10});
  std::reverse(rows.begin(), rows.end());
  data.clients.assign(2, {std::make_shared<const data::Indices>(rows), nullptr});
  return data;
}

std::vector<data::Indices> values(const std::vector<data::IndicesPtr>& shards) {
  std::vector<data::Indices> all;
  for (const auto& shard : shards) all.push_back(*shard);
  return all;
}

}  // namespace

TEST_CASE("shards hold every row once, in the client's order, and are of one size but for one row") {
  const auto data = of_rows(50);
  const auto shards = data::shards_of(data, 0, 4, 7);
  REQUIRE(shards.size() == 4);
  data::Indices all;
  for (const auto& shard : shards) {
    CHECK((shard->size() == 12 || shard->size() == 13));
    CHECK(std::is_sorted(shard->rbegin(), shard->rend()));
    all.insert(all.end(), shard->begin(), shard->end());
  }
  std::sort(all.rbegin(), all.rend());
  CHECK(all == *data.clients[0].train);
}

TEST_CASE("shards follow from the seed and the client alone") {
  const auto data = of_rows(50);
  const auto shards = values(data::shards_of(data, 0, 4, 7));
  CHECK(shards == values(data::shards_of(data, 0, 4, 7)));
  CHECK(shards != values(data::shards_of(data, 0, 4, 8)));
  CHECK(shards != values(data::shards_of(data, 1, 4, 7)));
}

TEST_CASE("a subject's rows are in one shard, and shards differ by no more than the largest subject has") {
  std::vector<std::int64_t> subject_of;
  for (std::int64_t subject = 0; subject < 14; ++subject)
    subject_of.insert(subject_of.end(), static_cast<std::size_t>(1 + subject % 5), subject);
  const auto data = of_rows(static_cast<std::int64_t>(subject_of.size()), subject_of);
  const auto shards = data::shards_of(data, 0, 4, 3);
  std::map<std::int64_t, std::set<std::size_t>> where;
  std::size_t least = 1000, most = 0, rows = 0;
  for (std::size_t s = 0; s < shards.size(); ++s) {
    for (auto row : *shards[s]) where[data.pool->subjects[static_cast<std::size_t>(row)]].insert(s);
    least = std::min(least, shards[s]->size());
    most = std::max(most, shards[s]->size());
    rows += shards[s]->size();
  }
  CHECK(rows == subject_of.size());
  CHECK(where.size() == 14);
  for (const auto& [subject, of] : where) CHECK(of.size() == 1);
  CHECK(most - least <= 5);
}

TEST_CASE("where there are fewer subjects than shards some are empty") {
  const auto shards = data::shards_of(of_rows(6, {1, 1, 1, 2, 2, 2}), 0, 4, 3);
  REQUIRE(shards.size() == 4);
  CHECK(std::count_if(shards.begin(), shards.end(), [](const auto& s) { return s->empty(); }) == 2);
}

TEST_CASE("which shards hold any of some rows") {
  const auto of = [](data::Indices rows) { return std::make_shared<const data::Indices>(std::move(rows)); };
  const std::vector<data::IndicesPtr> shards{of({1, 9}), of({4}), of({}), of({2, 3})};
  CHECK(data::shards_with(shards, {9}) == std::vector<std::size_t>{0});
  CHECK(data::shards_with(shards, {3, 1, 2}) == std::vector<std::size_t>{0, 3});
  CHECK(data::shards_with(shards, {7}).empty());
  CHECK(data::shards_with(shards, {}).empty());
}
