/// KNOT (Su & Li, INFOCOM 2023; see README.md): clients train asynchronously in clusters between which
/// nothing passes. An erasure takes the target's cluster back to its model from before the target first took
/// part; this cluster alone trains again, for as many accepted updates as the others in it have lost, and
/// nobody else notices. The target's data must never have left its cluster, so whatever mixes clients across
/// the whole federation is refused.
///
/// Where paper and released code differ `variant` chooses; its default is the paper's. Published is the mean of
/// the clusters by samples, or (code) the model of the cluster that is most accurate on held-out images, which
/// the code tests after each aggregation (on its test set; here on the calibration images). Clusters stand at
/// other anchors. The assignment makes the worst distance least, or (code) their sum; that the code's solver
/// makes them large no variant repeats. Sizes by default are the code's, the paper names none.
#include <algorithm>
#include <string>

#include "config/declare.hpp"
#include "config/scenario.hpp"
#include "methods/knot/assignment.hpp"
#include "methods/knot/job.hpp"
#include "methods/registry.hpp"
#include "methods/script.hpp"
#include "train/learning_rate.hpp"

namespace afu::methods {
namespace {

Script knot(Request, const Now&) {
  co_yield RollBackCluster{};
  co_yield AwaitCluster{};
  co_yield Forgotten{};
}

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
  n.clusters.best = settings.text("final") == "best";
  n.clusters.assign = [settings](const std::vector<ClientProfile>& profiles, std::uint64_t seed) {
    Matching m;
    m.clusters = size_of(settings, "clusters");
    m.time_weight = settings.real("time_weight");
    m.disparity_weight = settings.real("disparity_weight");
    m.sizes = sizes_for(settings, profiles.size());
    m.anchors = settings.text("anchors") == "code" ? Anchors::code : Anchors::paper;
    if (settings.text("assignment") == "random") return assign_randomly(profiles.size(), m.clusters, seed);
    const auto objective = settings.text("objective") == "sum" ? Objective::sum : Objective::worst_first;
    return assign_matched(match_ratings(profiles, m), m.sizes, objective);
  };
  return n;
}

void check(const config::Scenario& s, const config::Complain& complain) {
  if (train::has_schedule(s.training))
    complain(
        s.training.warm_up > 0 ? "training.warm_up" : "training.schedule",
        "a cluster that goes back would have a place of its own in the schedule, which the method \"knot\" does not "
        "keep; allowed are \"constant\" and no warm-up");
  const std::string why = ", the method \"knot\" lets nothing pass between clusters";
  const auto& t = s.training;
  if (t.rule != config::Rule::async_delta && t.rule != config::Rule::fedbuff)
    complain("training.rule", config::quoted(t.rule) +
                                  " does not merge differences as they arrive and forget " +
                                  "them, allowed are \"async_delta\", \"fedbuff\"" + why);
  if (t.max_in_flight > 0)
    complain("training.max_in_flight",
             std::to_string(t.max_in_flight) + " lets clusters wait for each other, allowed is 0" + why);
  if (t.ewc_strength > 0)
    complain("training.ewc_strength", "the anchor would be the mean of all clusters, allowed is 0" + why);

  if (s.unlearning.methods.at("knot").text("final") == "best" && everybody_asks(s))
    complain(
        "unlearning.knot.variant",
        "\"code\" publishes the best cluster's model, which needs calibration images of a client that asks for no erasure, and all " +
            std::to_string(s.partition.clients) + " ask");

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
  m.traits.refusals = {
      {Scope::data_class, "one client's cluster is rolled back, and a class is in all of them"}};
  m.help = "Clients train in clusters; the target's cluster alone is rolled back and trains again.";
  using namespace config;
  m.options = {
      number("clusters", 2, from(1, 1000), "How many clusters there are."),
      choice(
          "assignment", {"matched", "random"},
          "matched: clients of like speed and like updates share a cluster. random: the paper's ablation."),
      variant(
          {"paper", "code"},
          "Where clusters stand, what the assignment makes least (both matched), what is published. paper: anchors evenly "
          "from the least to the largest time and at the disparities 1 / N ... 1; the largest distance, then the next; the "
          "clusters' mean by samples. code, the released one: anchors n / N of the range above the least time and the "
          "least likeness, n = 0 ... N - 1; the sum of distances; the model of the cluster that is most accurate on the "
          "calibration images, the mean until that has been measured."),
      choice("anchors", {"paper", "code"}, "Where clusters stand (matched).")
          .in_variant("code", "code")
          .retire(),
      choice("objective", {"worst_first", "sum"}, "What the assignment makes least (matched).")
          .in_variant("code", "sum")
          .retire(),
      choice("final", {"aggregate", "best"}, "What is published.").in_variant("code", "best").retire(),
      number("time_weight", 1.0, from(0, 1e9),
             "What a second between a client's training time and its cluster's anchor counts (a).", "1/s"),
      number("disparity_weight", 1.0, from(0, 1e9),
             "What the distance between a client's disparity and its cluster's anchor counts (b)."),
      number("min_size", 0, from(0, 10000),
             "Fewest clients in a cluster; 0: their number / clusters, rounded down.", "clients"),
      number("max_size", 0, from(0, 10000),
             "Most clients in a cluster; 0: half of them, rounded up (or their number / clusters).",
             "clients"),
      number(
          "profiled", 1.0, above(0, 1),
          "Part of the clients whose first update is waited for before clusters are formed; the others count "
          "as slow as the slowest of them."),
  };
  m.needs = needs;
  m.check = check;
  m.start = &scripted<&knot>;
  m.jobs = {job::type_of<AccuraciesJob>()};
  return m;
}

}  // namespace afu::methods
