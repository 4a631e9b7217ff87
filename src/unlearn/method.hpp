#pragma once
/// The seam for unlearning methods. A method tells its traits; for each request it makes a procedure, which
/// yields one step after the other; the server carries them out. Adding a method: one pair of files here and
/// one line in registry.cpp.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "aggregate/ledger.hpp"
#include "compute/job.hpp"
#include "config/option.hpp"
#include "config/scenario.hpp"
#include "data/dataset.hpp"

namespace afu::unlearn {

using model::ParametersPtr;

/// How a request is coordinated with training. The default is what the method's authors prescribe.
enum class Coordination { concurrent, blocking };

struct Traits {
  aggregate::LedgerNeeds needs;  ///< what the server must remember during training
  Coordination default_coordination = Coordination::concurrent;
  std::vector<Coordination> coordinations{Coordination::concurrent};
  bool scope_samples = true;  ///< can erase a part of a client's samples
  bool needs_target = false;  ///< the target must compute
  bool restarts = false;      ///< begins a new lineage: such requests are served one after the other
};

/// A request as the server took it.
struct Request {
  std::uint32_t index = 0;  ///< into the scenario's erasures
  std::uint32_t client = 0;
  bool samples_only = false;
  data::IndicesPtr forget;  ///< rows to erase; null in timing-only runs
  std::int64_t forget_count = 0;
  Coordination coordination = Coordination::concurrent;
};

/// What a procedure may look at when it is asked for a step. Vectors are null in timing-only runs.
struct View {
  const config::Scenario* scenario = nullptr;
  const config::Values* settings = nullptr;  ///< [unlearning.<method>]
  std::uint64_t version = 0, epoch = 0;
  std::uint64_t updates = 0;                   ///< accepted updates in the current lineage
  std::int64_t clients = 0;                    ///< K
  bool synchronous = false;                    ///< the training rule holds barrier rounds
  ParametersPtr model;                         ///< the current version
  ParametersPtr initial;                       ///< version 0
  const aggregate::Tracked* target = nullptr;  ///< ledger entry as it was at the request
  std::vector<data::IndicesPtr> environments;  ///< calibration samples of the clients not excluded
  std::uint64_t target_updates = 0;            ///< accepted updates of the target so far
};

// ---- steps
// ------------------------------------------------------------------------------------------------------

/// No further task is handed out; the next step is asked for when nothing is in flight any more.
struct Halt {};
/// Tasks are handed out again.
struct Resume {};
/// A job for the unlearner. At the target it costs the target's modelled time and link, else the server's.
struct Erase {
  compute::Job job;
  double passes = 0;  ///< sample gradients
  bool at_target = false;
};
/// w <- w + delta, never discounted by staleness. The erasure epoch rises. For a delta that is -c S_u,
/// `influence_gain` = c lets a rule that mixes whole models use S_u as it is at the merge.
struct MergeErasure {
  ParametersPtr delta;
  std::optional<double> influence_gain;
};
/// A job for the calibrator, from the current version.
struct Calibrate {
  compute::KernelJob job;
  double passes = 0;
};
/// w <- w + delta. The last one before `Forgotten` also completes what a rebase adds.
struct MergeCalibration {
  ParametersPtr delta;
};
/// The next step is asked for after so many more accepted updates.
struct AwaitUpdates {
  std::uint64_t count = 0;
};
/// Training starts again from the initial model without the target: a new lineage. What is in flight is lost.
/// With `barrier` the retraining holds FedAvg rounds, whatever the training rule is.
struct Restart {
  bool barrier = false;
};
/// The published model counts as erased from here on.
struct Forgotten {};
struct Done {};

using Step = std::variant<Halt, Resume, Erase, MergeErasure, Calibrate, MergeCalibration, AwaitUpdates,
                          Restart, Forgotten, Done>;

/// One request's way through a method. `result` is what the last step's job returned (Erase, Calibrate), else
/// null; it is null after them too in timing-only runs. Never called again after Done.
class Procedure {
 public:
  virtual ~Procedure() = default;
  virtual Step next(const View& view, const compute::JobResult* result) = 0;
};

struct Method {
  std::string name;
  std::string help;
  Traits traits;
  std::vector<config::Option> options;
  std::unique_ptr<Procedure> (*start)(const Request&);
};

}  // namespace afu::unlearn
