#pragma once
/// Which cluster a client belongs to (KNOT, Su and Li 2023; README.md, item 1). Pure functions.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "methods/client_profile.hpp"

namespace afu::methods {

struct ClusterSizes {
  std::size_t min = 0, max = 0;
};
/// What `min` and `max` mean for so many clients; 0: as the authors' code has it, K/N (down) and K/2 (up; K/N
/// where that is more). The result may be infeasible; see `feasible`.
ClusterSizes cluster_sizes(std::size_t clients, std::size_t clusters, std::size_t min, std::size_t max);
bool feasible(std::size_t clients, std::size_t clusters, const ClusterSizes& sizes);

/// Where clusters stand, n = 0 ... N - 1. paper: T~_n evenly from the least to the largest T (their middle
/// for a single cluster), S~_n = (n + 1) / N. code (the released one): n / N of the range above the minimum,
/// of the times and of the likenesses 1 - S_k; so no cluster stands at the slowest client, and the fast ones
/// at unlike clients.
enum class Anchors { paper, code };

struct Matching {
  std::size_t clusters = 2;
  double time_weight = 1, disparity_weight = 1;  ///< a, in 1/s, and b
  ClusterSizes sizes;
  Anchors anchors = Anchors::paper;
};

/// D[k][n] = ceil(100 (d - min d) / (max d - min d)) of the ratings d_kn =
/// |(a (T~_n - T_k), b (S~_n - S_k))|; 0 everywhere where all ratings are the same. A distance: small is good
/// (README.md, Paper and code).
std::vector<std::vector<int>> match_ratings(const std::vector<ClientProfile>& profiles, const Matching& m);

/// What an assignment makes least. worst_first (the paper): the ratings of all, sorted from the largest down,
/// lexicographically. sum (the released code's single linear programme, whose fractional results it rounds;
/// here they are whole): the sum of the ratings.
enum class Objective { worst_first, sum };

/// A cluster for each client, such that sizes are kept and the objective is least. `ratings`:
/// [client][cluster] in [0, 100]. Throws std::invalid_argument where no assignment keeps the sizes.
std::vector<std::uint32_t> assign_matched(const std::vector<std::vector<int>>& ratings,
                                          const ClusterSizes& sizes,
                                          Objective objective = Objective::worst_first);
/// The ablation: shuffled and dealt out, so that sizes differ by one at most.
std::vector<std::uint32_t> assign_randomly(std::size_t clients, std::size_t clusters, std::uint64_t seed);

}  // namespace afu::methods
