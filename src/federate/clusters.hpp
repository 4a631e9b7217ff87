#pragma once
/// Training in clusters (KNOT, Su and Li 2023): who belongs to which, each cluster's model and rule, and what
/// a roll-back needs. Nothing that depends on a client's data passes from one cluster to another: staleness
/// is counted in a cluster's own versions, and the first updates, from which the assignment is made, are
/// merged only in their own client's cluster.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "aggregate/rule.hpp"
#include "engine/combine_job.hpp"
#include "job/job.hpp"
#include "methods/method.hpp"

namespace afu::federate {

class Clusters {
 public:
  using ParametersPtr = model::ParametersPtr;
  using MakeRule = std::function<std::unique_ptr<aggregate::Rule>()>;

  /// `asking`: clients whose erasure may be asked for, ascending; checkpoints are kept for these.
  Clusters(methods::ClusterNeeds needs, std::size_t clients, std::vector<std::uint32_t> asking,
           ParametersPtr initial);

  // ---- the profiling round
  /// Whether clients still train for the first time: there are no clusters yet.
  bool profiling() const { return clusters_.empty(); }
  /// Whether enough of those who stay have answered. `stay`: by client.
  bool profiled(const std::vector<bool>& stay) const;
  /// The mean of the held updates, to be compared with each of them.
  engine::CombineJob question() const;
  /// Ends the round: clusters of those who stay. `cosines` are the question's; empty in timing-only runs.
  /// Held updates, in order of arrival, which now are to be merged.
  std::vector<aggregate::Arrival> assign(const std::vector<bool>& stay, const std::vector<double>& cosines,
                                         std::uint64_t seed, const MakeRule& make_rule);

  // ---- training
  /// A task is handed out to the client.
  void sent(std::uint32_t client, double now);
  const ParametersPtr& model(std::uint32_t client) const;  ///< that it trains on
  std::uint64_t version(std::uint32_t client) const;       ///< under which that was published
  std::uint64_t staleness(std::uint32_t client) const;     ///< its cluster's versions since its task was sent
  /// Takes an accepted update; a plan where it makes a version. Held while profiling.
  std::optional<aggregate::MergePlan> add(aggregate::Arrival arrival, double now);
  /// What the client has in buffers; returns how many updates that were.
  std::int64_t forget(std::uint32_t client);

  std::size_t buffered() const;  ///< updates held or in buffers

  std::optional<std::size_t> index(std::uint32_t client) const;  ///< none: it has no cluster
  bool together(std::uint32_t a, std::uint32_t b) const;         ///< in the same cluster
  aggregate::Rule& rule(std::size_t cluster) { return *clusters_[cluster].rule; }
  const ParametersPtr& model_of(std::size_t cluster) const { return clusters_[cluster].model; }
  /// The version to publish once `next` makes the cluster's model: the mean, or the best one's model.
  engine::Combination published(std::size_t cluster, const engine::Combination& next) const;
  /// A plan has been merged: the cluster's model is now `model`, published as `version`.
  void merged(std::size_t cluster, const aggregate::MergePlan& plan, const ParametersPtr& model,
              std::uint64_t version);

  // ---- the best cluster (ClusterNeeds::best)
  /// Clusters whose models are new since they were last asked about; none while an answer is awaited.
  std::vector<std::size_t> ask();
  /// Their accuracies, in that order; empty in timing-only runs. What a roll-back has overtaken does not
  /// count.
  void answered(const std::vector<double>& accuracies);
  /// The most accurate cluster, the first of several, where that is another one than before: it is to be
  /// published.
  std::optional<std::size_t> choose();
  /// The cluster is about to be rolled back: its accuracy counts no more.
  void distrust(std::size_t cluster);

  // ---- erasure
  /// Training samples of those who stay, by client; 0 for those who do not.
  void weigh(const std::vector<std::int64_t>& samples);
  /// Whether other clusters have members too.
  bool others_train(std::size_t cluster) const;
  struct Checkpoint {
    std::size_t position = 0;  ///< updates that had been merged in the cluster
    ParametersPtr model;
  };
  /// From before the client's first contribution that is in its cluster's model; null: there is none.
  const Checkpoint* checkpoint(std::uint32_t client) const;
  struct Lost {
    std::uint64_t updates = 0;   ///< of the others that must be made again
    std::uint64_t buffered = 0;  ///< of these, those that had not been merged yet
  };
  /// Takes the client's cluster back to its checkpoint, which must exist; published as `version`. With
  /// `stays` its own updates must be made again as well.
  Lost roll_back(std::uint32_t client, bool stays, std::uint64_t version);
  /// Whether a task that began with `base_version` began before the last roll-back of the client's cluster.
  bool predates(std::uint32_t client, std::uint64_t base_version) const;
  /// Whether the client's cluster has made again what roll-backs took.
  bool caught_up(std::uint32_t client) const;
  /// Cluster models, checkpoints, held updates.
  std::int64_t bytes() const;

 private:
  struct Cluster {
    std::unique_ptr<aggregate::Rule> rule;
    ParametersPtr model;
    std::uint64_t version = 0;    ///< under which the model was published
    std::uint64_t published = 0;  ///< how many versions it has had
    std::uint64_t since = 0;      ///< version of the last roll-back
    std::uint64_t owed = 0;       ///< updates to be made again
    std::int64_t samples = 0;
    std::size_t staying = 0;
    std::uint64_t asked = 0;              ///< `published` when it was last asked about
    std::optional<double> accuracy;       ///< as last answered
    std::vector<std::uint32_t> lineage;   ///< whose updates are in the model, in order
    std::vector<std::uint32_t> buffered;  ///< whose updates the rule holds
  };
  static constexpr std::uint32_t none = 0xffffffffu;
  struct Member {
    std::uint32_t cluster = none;
    std::uint64_t base = 0;  ///< Cluster::published when its task was sent
    double sent = 0, seconds = -1;
  };

  struct Asked {
    std::size_t cluster;
    std::uint64_t since;  ///< Cluster::since then
  };
  std::optional<std::size_t> most_accurate() const;

  methods::ClusterNeeds needs_;
  std::vector<std::uint32_t> asking_;
  ParametersPtr initial_;
  std::vector<Member> members_;
  std::vector<Cluster> clusters_;
  std::vector<aggregate::Arrival> held_;
  std::map<std::uint32_t, Checkpoint> checkpoints_;
  std::vector<Asked> asked_;
  std::optional<std::size_t> best_;  ///< whose model is published; none: the mean is
};

}  // namespace afu::federate
