#pragma once
/// The model that clients train, from its first version on, in one of two forms: one for all (OneModel), or
/// one in each cluster (Clusters), of which a version for all is made.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "aggregate/rule.hpp"
#include "engine/combine_job.hpp"
#include "federate/progress.hpp"

namespace afu::federate {

class Lineage {
 public:
  virtual ~Lineage() = default;
  /// The training rule; of clusters one like theirs, which takes no update.
  virtual const aggregate::Rule& rule() const = 0;

  // ---- tasks
  struct Base {
    ParametersPtr model;
    std::uint64_t version = 0;  ///< under which it was published
  };
  /// What a task that is handed to the client now trains on.
  virtual Base hand_out(std::uint32_t client, const Progress& at) = 0;
  /// How many versions the base of the client's task has been overtaken by.
  virtual std::uint64_t staleness(std::uint32_t client, std::uint64_t base_version,
                                  const Progress& at) const = 0;
  /// Whether a base of this epoch still held what has been erased since.
  virtual bool late(std::uint64_t base_epoch, const Progress& at) const = 0;
  /// Whether the base is none any more of the client's: it was rolled back.
  virtual bool predates(std::uint32_t client, std::uint64_t base_version) const = 0;
  /// Whether clients must wait for their next task once they have answered.
  virtual bool keeps_waiting() const = 0;

  // ---- updates
  /// Takes an accepted update; a plan where it makes a version now.
  virtual std::optional<aggregate::MergePlan> add(aggregate::Arrival arrival, double now) = 0;
  /// Ends a barrier round; a plan from what is buffered, if anything is.
  virtual std::optional<aggregate::MergePlan> flush() = 0;
  /// Discards what the client has in buffers; returns how many updates that were.
  virtual std::int64_t forget(std::uint32_t client) = 0;
  /// Updates that no plan has come for.
  virtual std::size_t buffered() const = 0;

  // ---- a merge by a plan of `add` or `flush`, all parts of which are of clients that share a model
  virtual aggregate::Rule& rule(const aggregate::MergePlan& plan) = 0;
  /// The model that it is merged into.
  virtual ParametersPtr base(const aggregate::MergePlan& plan, const Progress& at) const = 0;
  /// `job`'s first output makes that model's next version: appends what else is needed to publish.
  virtual void extend(const aggregate::MergePlan& plan, engine::CombineJob& job) const = 0;
  /// Takes the job's outputs, all of them (none in timing-only runs); returns what is to be published, under
  /// the number `version`.
  virtual ParametersPtr merged(const aggregate::MergePlan& plan, const std::vector<ParametersPtr>& outputs,
                               std::uint64_t version) = 0;

  /// Whether the two clients train the same model.
  virtual bool together(std::uint32_t a, std::uint32_t b) const = 0;
  /// Held here for the method's sake, in bytes.
  virtual std::int64_t bytes() const = 0;
};

}  // namespace afu::federate
