#pragma once
/// Training in clusters (KNOT, Su and Li, INFOCOM 2023): who belongs to which, each cluster's model and rule,
/// and what a roll-back needs. Nothing that depends on a client's data passes from one cluster to another:
/// staleness is counted in a cluster's own versions, and the first updates, from which the assignment is
/// made, are merged only in their own client's cluster.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "aggregate/rule.hpp"
#include "engine/combine_job.hpp"
#include "federate/best_cluster.hpp"
#include "federate/lineage.hpp"
#include "federate/profiling.hpp"
#include "methods/method.hpp"

namespace afu::federate {

class Clusters final : public Lineage {
 public:
  using MakeRule = std::function<std::unique_ptr<aggregate::Rule>()>;

  /// `asking`: clients whose erasure may be asked for, ascending; checkpoints are kept for these.
  /// `make_rule`: the training rule, one a cluster.
  Clusters(methods::ClusterNeeds needs, std::size_t clients, std::vector<std::uint32_t> asking,
           ParametersPtr initial, MakeRule make_rule);

  /// The round that comes first; null once there are clusters.
  const Profiling* profiling() const { return clusters_.empty() ? &profiling_ : nullptr; }
  /// Ends it: clusters of those who stay (Profiling::assign). Held updates, in order of arrival, which now
  /// are to be merged.
  std::vector<aggregate::Arrival> begin(const std::vector<bool>& stay, const std::vector<double>& cosines,
                                        std::uint64_t seed);

  // ---- training, as Lineage has it. Staleness is counted in a cluster's own versions; nothing is late.
  const aggregate::Rule& rule() const override { return *rule_; }
  Base hand_out(std::uint32_t client, const Progress& at) override;
  std::uint64_t staleness(std::uint32_t client, std::uint64_t base_version,
                          const Progress& at) const override;
  bool late(std::uint64_t, const Progress&) const override { return false; }
  bool predates(std::uint32_t client, std::uint64_t base_version) const override;
  bool keeps_waiting() const override { return clusters_.empty(); }
  std::optional<aggregate::MergePlan> add(aggregate::Arrival arrival, double now) override;
  std::optional<aggregate::MergePlan> flush() override { return std::nullopt; }
  std::int64_t forget(std::uint32_t client) override;
  std::size_t buffered() const override;
  aggregate::Rule& rule(const aggregate::MergePlan& plan) override { return *cluster_of(plan).rule; }
  ParametersPtr base(const aggregate::MergePlan& plan, const Progress&) const override {
    return cluster_of(plan).model;
  }
  void extend(const aggregate::MergePlan& plan, engine::CombineJob& job) const override;
  ParametersPtr merged(const aggregate::MergePlan& plan, const std::vector<ParametersPtr>& outputs,
                       std::uint64_t version) override;
  bool together(std::uint32_t a, std::uint32_t b) const override;
  std::int64_t bytes() const override;  ///< cluster models, checkpoints, held updates

  std::optional<std::size_t> index(std::uint32_t client) const;  ///< none: it has no cluster
  const ParametersPtr& model_of(std::size_t cluster) const { return clusters_[cluster].model; }

  /// Null: the mean is published, always.
  BestCluster* best() { return best_ ? &*best_ : nullptr; }
  BestCluster::Standings standings() const;

  // ---- erasure
  /// Training samples of those who stay, by client; 0 for those who do not.
  void weigh(const std::vector<std::int64_t>& samples);
  /// Whether other clusters have members too.
  bool others_train(std::size_t cluster) const;
  /// Whether a contribution of the client is in its cluster's model; then there is a checkpoint from before
  /// the first one.
  bool took_part(std::uint32_t client) const { return checkpoints_.count(client) > 0; }
  /// The version to publish once the client's cluster, which it must have, is taken back to its checkpoint;
  /// without one, once the client does not count any more.
  engine::Combination rolled_back(std::uint32_t client);
  /// The version whose model of the client's cluster the checkpoint is, which must exist.
  std::uint64_t checkpoint_version(std::uint32_t client) const { return checkpoints_.at(client).version; }
  struct Lost {
    std::uint64_t updates = 0;   ///< of the others that must be made again
    std::uint64_t buffered = 0;  ///< of these, those that had not been merged yet
  };
  /// Takes the client's cluster back to its checkpoint, which must exist; published as `version`. With
  /// `stays` its own updates must be made again as well.
  Lost roll_back(std::uint32_t client, bool stays, std::uint64_t version);
  /// Whether the client's cluster has made again what roll-backs took.
  bool caught_up(std::uint32_t client) const;

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
    std::vector<std::uint32_t> lineage;   ///< whose updates are in the model, in order
    std::vector<std::uint32_t> buffered;  ///< whose updates the rule holds
  };
  static constexpr std::uint32_t none = 0xffffffffu;
  struct Member {
    std::uint32_t cluster = none;
    std::uint64_t base = 0;  ///< Cluster::published when its task was sent
  };
  struct Checkpoint {
    std::size_t position = 0;   ///< updates that had been merged in the cluster
    std::uint64_t version = 0;  ///< the last one in which they were all of them
    ParametersPtr model;
  };
  /// The version to publish once `next` makes the cluster's model: the mean, or the best one's model.
  engine::Combination published(std::size_t cluster, const engine::Combination& next) const;
  Cluster& cluster_of(const aggregate::MergePlan& plan);
  const Cluster& cluster_of(const aggregate::MergePlan& plan) const;

  std::vector<std::uint32_t> asking_;
  ParametersPtr initial_;
  MakeRule make_rule_;
  std::unique_ptr<aggregate::Rule> rule_;  ///< one like the clusters'
  std::vector<Member> members_;
  std::size_t count_ = 0;          ///< of clusters
  std::vector<Cluster> clusters_;  ///< empty while profiling
  Profiling profiling_;
  std::map<std::uint32_t, Checkpoint> checkpoints_;
  std::optional<BestCluster> best_;
};

}  // namespace afu::federate
