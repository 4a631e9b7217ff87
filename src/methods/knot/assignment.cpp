#include "methods/knot/assignment.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <utility>

#include "base/elementary.hpp"
#include "base/random.hpp"

namespace afu::methods {
namespace {

constexpr int most = 100;  ///< D lies in [0, most]

/// What a flow costs, compared lexicographically: first how many clusters' lower bounds it fills (each counts
/// -1), then how many clients are rated 100, 99, ... Such vectors are an ordered group, so shortest paths are
/// as valid as with numbers, and the least is what sum (K N)^D would make least, without its size. With
/// Objective::sum the second place holds the sum of ratings, and the others nothing.
using Cost = std::array<std::int32_t, most + 2>;

void add(Cost& cost, int rating, std::int32_t count, Objective objective) {
  if (objective == Objective::sum)
    cost[1] += count * rating;
  else
    cost[1 + static_cast<std::size_t>(most - rating)] += count;
}

/// A client's move from a cluster to another: its rating there comes, its rating here goes.
struct Move {
  std::size_t client = 0;
  int gained = 0, lost = 0;
};
/// As their costs compare: of the sorted ratings the largest one that does not cancel out decides.
bool cheaper(const Move& a, const Move& b, Objective objective) {
  if (objective == Objective::sum) return a.gained - a.lost < b.gained - b.lost;
  std::array<std::pair<int, int>, 4> counts{{{a.gained, 1}, {a.lost, -1}, {b.gained, -1}, {b.lost, 1}}};
  std::sort(counts.begin(), counts.end(), std::greater<>{});
  int sum = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    sum += counts[i].second;
    if (i + 1 < counts.size() && counts[i + 1].first == counts[i].first) continue;
    if (sum != 0) return sum < 0;
  }
  return false;
}

/// Assigns client after client, each by a cheapest augmenting path: it joins a cluster, from which another
/// moves on to the next, up to one that has room (successive shortest paths, on clusters only).
class Matcher {
 public:
  Matcher(const std::vector<std::vector<int>>& ratings, const ClusterSizes& sizes, Objective objective)
      : ratings_(ratings),
        sizes_(sizes),
        objective_(objective),
        members_(ratings.front().size()),
        cluster_(ratings.size()) {}

  std::vector<std::uint32_t> run() {
    for (std::size_t k = 0; k < ratings_.size(); ++k) insert(k);
    return cluster_;
  }

 private:
  struct Reached {
    Cost cost{};
    std::size_t from = 0;
    std::size_t moved = 0;  ///< who came from there
    bool first = true;      ///< nobody: it is the new client that joins
  };

  void insert(std::size_t client) {
    const auto n = members_.size();
    const auto moves = cheapest_moves();
    std::vector<Reached> reached(n);
    for (std::size_t j = 0; j < n; ++j) add(reached[j].cost, ratings_[client][j], 1, objective_);
    for (bool changed = true; changed;) {  // ends: an optimal assignment leaves no cycle below zero
      changed = false;
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n; ++j) {
          if (!moves[i][j]) continue;
          auto cost = reached[i].cost;
          add(cost, moves[i][j]->gained, 1, objective_);
          add(cost, moves[i][j]->lost, -1, objective_);
          if (!(cost < reached[j].cost)) continue;
          reached[j] = {cost, i, moves[i][j]->client, false};
          changed = true;
        }
    }
    auto end = n;
    Cost least{};
    for (std::size_t j = 0; j < n; ++j) {
      if (members_[j].size() >= sizes_.max) continue;
      auto cost = reached[j].cost;
      if (members_[j].size() < sizes_.min) --cost[0];
      if (end == n || cost < least) end = j, least = cost;
    }
    auto at = end;
    for (; !reached[at].first; at = reached[at].from) move(reached[at].moved, reached[at].from, at);
    join(client, at);
  }

  /// From each cluster to each other the member that moves at the least cost.
  std::vector<std::vector<std::optional<Move>>> cheapest_moves() const {
    const auto n = members_.size();
    std::vector<std::vector<std::optional<Move>>> best(n, std::vector<std::optional<Move>>(n));
    for (std::size_t i = 0; i < n; ++i)
      for (auto k : members_[i])
        for (std::size_t j = 0; j < n; ++j) {
          if (j == i) continue;
          const Move m{k, ratings_[k][j], ratings_[k][i]};
          if (!best[i][j] || cheaper(m, *best[i][j], objective_)) best[i][j] = m;
        }
    return best;
  }

  void join(std::size_t client, std::size_t cluster) {
    members_[cluster].push_back(client);
    cluster_[client] = static_cast<std::uint32_t>(cluster);
  }
  void move(std::size_t client, std::size_t from, std::size_t to) {
    auto& m = members_[from];
    m.erase(std::find(m.begin(), m.end(), client));
    join(client, to);
  }

  const std::vector<std::vector<int>>& ratings_;
  ClusterSizes sizes_;
  Objective objective_;
  std::vector<std::vector<std::size_t>> members_;
  std::vector<std::uint32_t> cluster_;
};

/// Where each cluster stands.
std::vector<ClientProfile> anchors(const std::vector<ClientProfile>& profiles, const Matching& m) {
  const auto [fastest, slowest] = std::minmax_element(
      profiles.begin(), profiles.end(), [](const auto& x, const auto& y) { return x.seconds < y.seconds; });
  const auto [likest, unlikest] =
      std::minmax_element(profiles.begin(), profiles.end(),
                          [](const auto& x, const auto& y) { return x.disparity < y.disparity; });
  const double times = slowest->seconds - fastest->seconds,
               disparities = unlikest->disparity - likest->disparity;
  const auto n = static_cast<double>(m.clusters);
  std::vector<ClientProfile> all;
  for (std::size_t j = 0; j < m.clusters; ++j) {
    const auto i = static_cast<double>(j);
    if (m.anchors == Anchors::code)
      all.push_back({fastest->seconds + times * i / n, unlikest->disparity - disparities * i / n});
    else
      all.push_back({fastest->seconds + times * (n > 1 ? i / (n - 1) : 0.5), (i + 1) / n});
  }
  return all;
}

}  // namespace

ClusterSizes cluster_sizes(std::size_t clients, std::size_t clusters, std::size_t min, std::size_t max) {
  const auto share = (clients + clusters - 1) / clusters;
  return {min > 0 ? min : clients / clusters, max > 0 ? max : std::max(share, (clients + 1) / 2)};
}

bool feasible(std::size_t clients, std::size_t clusters, const ClusterSizes& sizes) {
  return sizes.min <= sizes.max && clusters * sizes.min <= clients && clients <= clusters * sizes.max;
}

std::vector<std::vector<int>> match_ratings(const std::vector<ClientProfile>& profiles, const Matching& m) {
  if (profiles.empty()) return {};
  const auto at = anchors(profiles, m);
  std::vector<std::vector<double>> distances;
  double least = std::numeric_limits<double>::infinity(), largest = 0;
  for (const auto& p : profiles) {
    auto& row = distances.emplace_back();
    for (const auto& a : at) {
      const double time = m.time_weight * (a.seconds - p.seconds);
      const double disparity = m.disparity_weight * (a.disparity - p.disparity);
      row.push_back(std::sqrt(time * time + disparity * disparity));
      least = std::min(least, row.back());
      largest = std::max(largest, row.back());
    }
  }
  std::vector<std::vector<int>> ratings;
  for (const auto& row : distances) {
    auto& r = ratings.emplace_back();
    for (const double d : row)
      r.push_back(largest > least ? static_cast<int>(std::ceil(most * (d - least) / (largest - least))) : 0);
  }
  return ratings;
}

std::vector<std::uint32_t> assign_matched(const std::vector<std::vector<int>>& ratings,
                                          const ClusterSizes& sizes, Objective objective) {
  if (ratings.empty()) return {};
  if (!feasible(ratings.size(), ratings.front().size(), sizes))
    throw std::invalid_argument("no assignment of the clients keeps the clusters' sizes");
  return Matcher(ratings, sizes, objective).run();
}

std::vector<std::uint32_t> assign_randomly(std::size_t clients, std::size_t clusters, std::uint64_t seed) {
  std::vector<std::size_t> order(clients);
  std::iota(order.begin(), order.end(), std::size_t{0});
  base::Stream stream({seed, base::purpose("knot.assign"), 0, 0});
  base::shuffle(order, stream);
  std::vector<std::uint32_t> cluster(clients);
  for (std::size_t i = 0; i < clients; ++i) cluster[order[i]] = static_cast<std::uint32_t>(i % clusters);
  return cluster;
}

}  // namespace afu::methods
