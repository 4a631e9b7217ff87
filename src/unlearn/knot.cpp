/// KNOT (Su & Li, INFOCOM 2023; METHODS 5.7): clients train asynchronously in clusters between which nothing
/// passes. An erasure takes the target's cluster back to its model from before the target first took part;
/// this cluster alone trains again, for as many accepted updates as the others in it have lost, and nobody
/// else notices. The target's data must never have left its cluster, so whatever mixes clients across the
/// whole federation is refused. What is published is the mean of the clusters by samples, as in the paper;
/// the released code publishes the best cluster instead, for which the server would have to evaluate its
/// models.
#include <algorithm>
#include <string>

#include "unlearn/registry.hpp"

namespace afu::unlearn {
namespace {

class Knot : public Procedure {
 public:
  Step next(const View&, const compute::JobResult*) override {
    switch (stage_++) {
      case 0:
        return RollBackCluster{};
      case 1:
        return AwaitCluster{};
      case 2:
        return Forgotten{};
      default:
        return Done{};
    }
  }

 private:
  int stage_ = 0;
};

std::size_t size_of(const config::Values& settings, const char* name) {
  return static_cast<std::size_t>(settings.integer(name));
}

/// Clients that leave before there are clusters may be missed by the lower bound.
ClusterSizes sizes_for(const config::Values& settings, std::size_t clients) {
  const auto clusters = size_of(settings, "clusters");
  auto sizes = cluster_sizes(clients, clusters, size_of(settings, "min_size"), size_of(settings, "max_size"));
  sizes.min = std::min(sizes.min, clients / clusters);
  return sizes;
}

Needs needs(const config::Values& settings) {
  Needs n;
  n.clusters.count = size_of(settings, "clusters");
  n.clusters.profiled = settings.real("profiled");
  n.clusters.assign = [settings](const std::vector<ClientProfile>& profiles, std::uint64_t seed) {
    Matching m;
    m.clusters = size_of(settings, "clusters");
    m.time_weight = settings.real("time_weight");
    m.disparity_weight = settings.real("disparity_weight");
    m.sizes = sizes_for(settings, profiles.size());
    if (settings.text("assignment") == "random") return assign_randomly(profiles.size(), m.clusters, seed);
    return assign_matched(match_ratings(profiles, m), m.sizes);
  };
  return n;
}

void check(const config::Scenario& s, const config::Complain& complain) {
  const std::string why = ", the method \"knot\" lets nothing pass between clusters";
  const auto& t = s.training;
  if (t.rule != "async_delta" && t.rule != "fedbuff")
    complain("training.rule", "\"" + t.rule + "\" does not merge differences as they arrive and forget " +
                                  "them, allowed are \"async_delta\", \"fedbuff\"" + why);
  if (t.max_in_flight > 0)
    complain("training.max_in_flight",
             std::to_string(t.max_in_flight) + " lets clusters wait for each other, allowed is 0" + why);
  if (t.ewc_strength > 0)
    complain("training.ewc_strength", "the anchor would be the mean of all clusters, allowed is 0" + why);

  constexpr std::int64_t most_clients = 10000;  // the assignment takes time in proportion to their square
  const auto& settings = s.unlearning.methods.at("knot");
  const auto clients = s.partition.clients, clusters = settings.integer("clusters");
  const auto of_clients = ", partition.clients is " + std::to_string(clients);
  if (clients > most_clients)
    complain("partition.clients", std::to_string(clients) + " is outside [1, " +
                                      std::to_string(most_clients) + "] of the method \"knot\"");
  if (clusters > clients)
    return complain("unlearning.knot.clusters", std::to_string(clusters) + " is outside [1, " +
                                                    std::to_string(clients) + "]" + of_clients);
  const auto min = settings.integer("min_size"), max = settings.integer("max_size");
  const auto all = std::to_string(clusters) + " clusters of ";
  if (min > 0 && max > 0 && min > max)
    complain("unlearning.knot.min_size",
             std::to_string(min) + " is above unlearning.knot.max_size " + std::to_string(max));
  else if (min * clusters > clients)
    complain("unlearning.knot.min_size",
             all + std::to_string(min) + " clients at least cannot be filled" + of_clients);
  else if (max > 0 && max * clusters < clients)
    complain("unlearning.knot.max_size",
             all + std::to_string(max) + " clients at most do not hold all" + of_clients);
}

}  // namespace

Method knot_method() {
  Method m;
  m.name = "knot";
  m.help = "Clients train in clusters; the target's cluster alone is rolled back and trains again.";
  m.options = {
      {"clusters", std::int64_t{2}, "How many clusters there are.", "", 1, 1000, false, {}},
      {"assignment",
       std::string{"matched"},
       "matched: clients of like speed and like updates share a cluster. random: the paper's ablation.",
       "",
       0,
       0,
       false,
       {"matched", "random"}},
      {"time_weight",
       1.0,
       "What a second between a client's training time and its cluster's anchor counts (a).",
       "1/s",
       0.0,
       1e9,
       false,
       {}},
      {"disparity_weight",
       1.0,
       "What the distance between a client's disparity and its cluster's anchor counts (b).",
       "",
       0.0,
       1e9,
       false,
       {}},
      {"min_size",
       std::int64_t{0},
       "Fewest clients in a cluster; 0: their number / clusters, rounded down.",
       "clients",
       0,
       10000,
       false,
       {}},
      {"max_size",
       std::int64_t{0},
       "Most clients in a cluster; 0: half of them, rounded up (or their number / clusters).",
       "clients",
       0,
       10000,
       false,
       {}},
      {"profiled",
       1.0,
       "Part of the clients whose first update is waited for before clusters are formed; the others count as "
       "slow as the slowest of them.",
       "",
       0.0,
       1.0,
       true,
       {}},
  };
  m.needs = needs;
  m.check = check;
  m.start = [](const Request&) -> std::unique_ptr<Procedure> { return std::make_unique<Knot>(); };
  return m;
}

}  // namespace afu::unlearn
