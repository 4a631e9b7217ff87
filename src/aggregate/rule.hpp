#pragma once
/// Aggregation rules: how arrived updates become the next version. A rule decides coefficients; the sums are
/// computed on a lane. Adding a rule is one file, its name in config/choices.hpp and a line in rule.cpp.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/choices.hpp"
#include "config/scenario_fwd.hpp"
#include "engine/combine_job.hpp"
#include "job/job.hpp"
#include "model/parameters_fwd.hpp"

namespace afu::aggregate {

/// An update as the server has accepted it.
struct Arrival {
  std::uint32_t client = 0;
  std::uint64_t base_version = 0;
  std::uint64_t staleness = 0;  ///< versions published since its base
  std::int64_t samples = 0;
  model::ParametersPtr delta;
  model::ParametersPtr base;  ///< the version it started from; only rules that mix whole models use it
  /// Not null: the delta passes the one-sided guard against this erasure (src/calibrate/README.md, Guard).
  model::ParametersPtr guard;
  std::vector<engine::GuardPtr> guards{};  ///< likewise, against these subspaces
  /// Its base still held what has been erased since: its running statistics (buffers) are not merged.
  bool late = false;
  /// What a rebase adds to the base: coefficient and vector of the erasures and calibrations merged since
  /// (src/federate/README.md, Late updates).
  std::vector<std::pair<double, model::ParametersPtr>> rebase;
  /// Value of each tracked client's influence in the base; parallel to the ledger's clients, used by mixing
  /// rules.
  std::vector<model::ParametersPtr> base_influence;
  /// What of the delta each shard of the client made, where the ledger is kept by shard (train::TrainJob).
  std::vector<model::ParametersPtr> parts{};
};

/// w' = keep * w + sum over parts of coefficient * (delta [+ base + rebase, when the rule mixes whole
/// models]).
struct Part {
  Arrival arrival;
  double coefficient = 0;
};
struct MergePlan {
  double keep = 1.0;
  bool whole_model = false;
  std::vector<Part> parts;
  /// It takes back a part of an earlier plan: its parts are no contributions of their own.
  bool correction = false;
};

class Rule {
 public:
  explicit Rule(config::Rule name) : traits_(config::traits(name)) {}
  virtual ~Rule() = default;
  /// Barrier rounds: the server collects a round's updates and calls `flush` when the last is in.
  bool synchronous() const { return traits_.synchronous; }
  /// Whole models are mixed, not differences: late updates leak what was erased (src/federate/README.md, Late
  /// updates).
  bool whole_model() const { return traits_.whole_model; }
  /// Takes an update; a plan when it makes a new version now, nothing while the rule buffers.
  virtual std::optional<MergePlan> add(Arrival arrival) = 0;
  /// Ends a round: a plan from everything buffered, nothing when the buffer is empty.
  virtual std::optional<MergePlan> flush() { return std::nullopt; }
  /// Discards what `client` has in the buffer, and every vector that holds something of it; returns how many
  /// updates that were.
  virtual std::int64_t forget(std::uint32_t client) { return static_cast<void>(client), 0; }
  /// Updates in the buffer.
  virtual std::size_t buffered() const { return 0; }
  /// Discards everything buffered, and all vectors.
  virtual void reset() {}

  // A merge by `plan`, once its turn has come: ask, the job, weigh (both left out where nothing is asked),
  // extend, the job, apply. In timing-only runs there are no jobs: weigh gets no numbers, apply no outputs.

  /// Whether coefficients depend on numbers that a lane must compute from the vectors first.
  virtual bool asks() const { return false; }
  /// Appends to `job` what is to be computed of `plan` and the version that it is merged into.
  virtual void ask(const MergePlan& plan, const model::ParametersPtr& model, engine::CombineJob& job) {
    static_cast<void>(plan), static_cast<void>(model), static_cast<void>(job);
  }
  /// Completes the coefficients; `numbers` are the job's, none where nothing was appended.
  virtual void weigh(MergePlan& plan, const std::vector<double>& numbers) const {
    static_cast<void>(plan), static_cast<void>(numbers);
  }
  /// `job`'s first output makes the next version: adds what the rule's own vectors contribute to it, and
  /// appends the combinations that make these vectors anew, after all that is there already.
  virtual void extend(const MergePlan& plan, engine::CombineJob& job) {
    static_cast<void>(plan), static_cast<void>(job);
  }
  /// Takes the results of the combinations that `extend` appended; they start at `first_output`.
  virtual void apply(const MergePlan& plan, const std::vector<model::ParametersPtr>& outputs,
                     std::size_t first_output) {
    static_cast<void>(plan), static_cast<void>(outputs), static_cast<void>(first_output);
  }

 private:
  config::RuleTraits traits_;
};

/// The rule `name`, as `training` sets it. `mean_samples`: mean number of training samples of a client, for
/// omega_k; with `clients`, how many there are, also the samples of all.
std::unique_ptr<Rule> make_rule(config::Rule name, const config::TrainingSection& training,
                                double mean_samples, std::size_t clients = 1);

/// omega_k = clip(n_k / mean n, 0.4, 1.6) (src/aggregate/README.md, async_delta).
double sample_weight(std::int64_t samples, double mean_samples);

}  // namespace afu::aggregate
