// KNOT's assignment against brute force (Su and Li 2023).
#include "methods/knot/assignment.hpp"

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "config/loader.hpp"
#include "config/scenario.hpp"
#include "methods/registry.hpp"

#include <doctest/doctest.h>

using namespace afu;
using namespace afu::methods;

namespace {

using Ratings = std::vector<std::vector<int>>;

std::vector<int> sorted_ratings(const Ratings& ratings, const std::vector<std::uint32_t>& cluster) {
  std::vector<int> all;
  for (std::size_t k = 0; k < cluster.size(); ++k) all.push_back(ratings[k][cluster[k]]);
  std::sort(all.rbegin(), all.rend());
  return all;
}

std::vector<std::size_t> sizes_of(const std::vector<std::uint32_t>& cluster, std::size_t clusters) {
  std::vector<std::size_t> sizes(clusters, 0);
  for (auto c : cluster) ++sizes.at(c);
  return sizes;
}

bool within(const std::vector<std::size_t>& sizes, const ClusterSizes& bounds) {
  return std::all_of(sizes.begin(), sizes.end(),
                     [&](std::size_t s) { return s >= bounds.min && s <= bounds.max; });
}

/// The least that `value` has of any assignment; `value` makes a vector of ratings sorted from the largest
/// down.
template <class Value>
std::vector<int> best_of_all(const Ratings& ratings, const ClusterSizes& bounds, const Value& value) {
  const auto clusters = ratings.front().size();
  std::vector<std::uint32_t> cluster(ratings.size(), 0);
  std::vector<int> best;
  for (;;) {
    if (within(sizes_of(cluster, clusters), bounds)) {
      auto v = value(sorted_ratings(ratings, cluster));
      if (best.empty() || v < best) best = std::move(v);
    }
    std::size_t i = 0;
    for (; i < cluster.size() && ++cluster[i] == clusters; ++i) cluster[i] = 0;
    if (i == cluster.size()) return best;
  }
}

Ratings random_ratings(std::size_t clients, std::size_t clusters, int top, std::uint64_t seed) {
  base::Stream s({seed, base::purpose("test.ratings"), 0, 0});
  Ratings r(clients, std::vector<int>(clusters));
  for (auto& row : r)
    for (auto& d : row) d = static_cast<int>(s.below(static_cast<std::uint64_t>(top) + 1));
  return r;
}

std::vector<ClientProfile> profiles_of(const std::vector<double>& seconds) {
  std::vector<ClientProfile> p;
  for (double t : seconds) p.push_back({t, 0});
  return p;
}

}  // namespace

TEST_CASE("the assignment is the minimum that brute force finds, by either objective") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed)
    for (std::size_t clusters : {1u, 2u, 3u, 4u})
      for (std::size_t clients : {4u, 5u, 7u}) {
        const std::size_t low = clients / clusters, high = (clients + clusters - 1) / clusters;
        for (const auto& bounds : {ClusterSizes{low, high}, ClusterSizes{0, high + 1},
                                   ClusterSizes{low > 0 ? low - 1 : 0, clients}}) {
          CAPTURE(seed);
          CAPTURE(clusters);
          CAPTURE(clients);
          CAPTURE(bounds.min);
          CAPTURE(bounds.max);
          const auto ratings = random_ratings(clients, clusters, seed % 2 ? 100 : 3, seed);
          const auto found = assign_matched(ratings, bounds);
          REQUIRE(found.size() == clients);
          REQUIRE(within(sizes_of(found, clusters), bounds));
          const auto as_it_is = [](std::vector<int> v) { return v; };
          REQUIRE(sorted_ratings(ratings, found) == best_of_all(ratings, bounds, as_it_is));
          const auto sum = [](const std::vector<int>& v) {
            return std::vector<int>{std::accumulate(v.begin(), v.end(), 0)};
          };
          const auto summed = assign_matched(ratings, bounds, Objective::sum);
          REQUIRE(within(sizes_of(summed, clusters), bounds));
          REQUIRE(sum(sorted_ratings(ratings, summed)) == best_of_all(ratings, bounds, sum));
        }
      }
}

TEST_CASE("a hundred clients are assigned at once, and no exchange of two makes it better") {
  const auto ratings = random_ratings(100, 5, 100, 7);
  const auto bounds = cluster_sizes(100, 5, 0, 0);
  auto found = assign_matched(ratings, bounds);
  CHECK(sizes_of(found, 5) == std::vector<std::size_t>(5, 20));
  const auto best = sorted_ratings(ratings, found);
  for (std::size_t i = 0; i < 100; ++i)
    for (std::size_t j = 0; j < i; ++j) {
      std::swap(found[i], found[j]);
      REQUIRE(!(sorted_ratings(ratings, found) < best));
      std::swap(found[i], found[j]);
    }
}

TEST_CASE("clients of like speed share a cluster: the distance is made small, not large") {
  Matching m;
  m.sizes = cluster_sizes(6, 2, 0, 0);
  const auto p = profiles_of({1, 9, 1.1, 8.5, 1.2, 9.5});
  const auto found = assign_matched(match_ratings(p, m), m.sizes);
  CHECK(found == std::vector<std::uint32_t>{0, 1, 0, 1, 0, 1});  // the first anchor is the fastest's
}

TEST_CASE("clients of like updates share a cluster where speed does not count") {
  Matching m;
  m.time_weight = 0;
  m.sizes = {1, 3};
  const auto found = assign_matched(match_ratings({{1, 0.9}, {2, 0.1}, {3, 0.8}, {4, 0.2}}, m), m.sizes);
  CHECK(found == std::vector<std::uint32_t>{1, 0, 1, 0});
}

TEST_CASE("ratings are distances to anchors in hundredths of their range, rounded up") {
  Matching m;
  m.disparity_weight = 0;
  // T~ = 0, 10: distances 0 10 / 3 7 / 10 0.
  CHECK(match_ratings(profiles_of({0, 3, 10}), m) == Ratings{{0, 100}, {30, 70}, {100, 0}});
  // 0.05 of 10 is half a hundredth: 1.
  CHECK(match_ratings(profiles_of({0, 0.05, 10}), m)[1] == std::vector<int>{1, 100});
  m.clusters = 3;
  CHECK(match_ratings(profiles_of({0, 10}), m) == Ratings{{0, 50, 100}, {100, 50, 0}});
  m.clusters = 1;
  CHECK(match_ratings(profiles_of({0, 10}), m) == Ratings{{0}, {0}});  // both five away
  m.clusters = 2;
  m.time_weight = 0;
  m.disparity_weight = 4;  // S~ = 1/2, 1: distances 2 4 / 0 2
  CHECK(match_ratings({{0, 0}, {0, 0.5}}, m) == Ratings{{50, 100}, {0, 50}});
}

TEST_CASE("the released code's anchors: parts of the range above the least time and the least likeness") {
  Matching m;
  m.anchors = Anchors::code;
  m.disparity_weight = 0;
  // T~ = 0, 5: distances 0 5 / 3 2 / 10 5. The slowest client has no anchor of its own.
  CHECK(match_ratings(profiles_of({0, 3, 10}), m) == Ratings{{0, 50}, {30, 20}, {100, 50}});
  m.time_weight = 0;
  m.disparity_weight = 1;  // likeness 0.2 ... 1, anchors 0.2 and 0.6, S = 0.8 and 0.4
  CHECK(match_ratings({{0, 0}, {0, 0.4}, {0, 0.8}}, m) == Ratings{{100, 50}, {50, 0}, {0, 50}});
  m.clusters = 1;
  CHECK(match_ratings({{0, 0}, {0, 0.4}}, m) == Ratings{{100}, {0}});
}

TEST_CASE("the sum of ratings may have one client far off where the worst first has none") {
  const Ratings ratings{{0, 60}, {50, 100}};
  CHECK(assign_matched(ratings, {1, 1}) == std::vector<std::uint32_t>{1, 0});        // 60, 50
  CHECK(assign_matched({{0, 60}, {50, 100}}, {1, 1}, Objective::sum).front() == 0);  // 0 + 100
}

TEST_CASE("sizes by default are as in the authors' code, and bounds that do not fit are told") {
  const auto five = cluster_sizes(5, 2, 0, 0);
  CHECK(five.min == 2);
  CHECK(five.max == 3);
  CHECK(cluster_sizes(20, 4, 0, 0).min == 5);
  CHECK(cluster_sizes(20, 4, 0, 0).max == 10);
  CHECK(cluster_sizes(3, 1, 0, 0).max == 3);
  CHECK(!feasible(5, 2, {3, 5}));
  CHECK(!feasible(5, 2, {1, 2}));
  CHECK(!feasible(5, 2, {3, 2}));
  CHECK_THROWS_AS(assign_matched(random_ratings(5, 2, 9, 1), {3, 5}), std::invalid_argument);
}

TEST_CASE("the random assignment is even, and follows the seed") {
  const auto a = assign_randomly(10, 3, 5);
  CHECK(a == assign_randomly(10, 3, 5));
  CHECK(a != assign_randomly(10, 3, 6));
  auto sizes = sizes_of(a, 3);
  std::sort(sizes.begin(), sizes.end());
  CHECK(sizes == std::vector<std::size_t>{3, 3, 4});
}

TEST_CASE("scenarios that knot cannot keep its promise in are refused") {
  const auto refused = [](const std::vector<std::string>& set) {
    try {
      config::parse_scenario(
          "[partition]\nclients = 5\n[unlearning]\nmethod = \"knot\"\n[stop]\nupdates = 9\n", "s.toml", set,
          methods::method_sections());
    } catch (const config::ConfigError& e) {
      REQUIRE(e.messages().size() == 1);
      return e.messages().front();
    }
    return std::string{};
  };
  const auto has = [](const std::string& text, const std::string& part) {
    CAPTURE(text);
    CHECK(text.find(part) != std::string::npos);
  };
  CHECK(refused({}) == "");
  CHECK(refused({"training.rule=fedbuff"}) == "");
  for (const char* rule : {"fedavg", "fedasync", "aso_fed", "port"})
    has(refused({std::string("training.rule=") + rule}), "allowed are \"async_delta\", \"fedbuff\"");
  has(refused({"training.max_in_flight=2"}), "training.max_in_flight: 2 lets clusters wait");
  has(refused({"training.ewc_strength=1"}), "training.ewc_strength: the anchor");
  has(refused({"unlearning.knot.clusters=6"}), "unlearning.knot.clusters: 6 is outside [1, 5]");
  has(refused({"unlearning.knot.min_size=3"}),
      "unlearning.knot.min_size: 2 clusters of 3 clients at least cannot be filled, partition.clients is 5");
  has(refused({"unlearning.knot.max_size=2"}),
      "unlearning.knot.max_size: 2 clusters of 2 clients at most do not hold all, partition.clients is 5");
  has(refused({"unlearning.knot.min_size=2", "unlearning.knot.max_size=1"}), "is above");
  has(refused({"unlearning.coordination=blocking"}), "unlearning.coordination");
  has(refused({"unlearning.knot.variant=both"}),
      "unlearning.knot.variant: \"both\" is unknown, allowed are \"paper\", \"code\"");
  CHECK(refused({"unlearning.knot.variant=code"}) == "");
}
