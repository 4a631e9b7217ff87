#pragma once
/// The seam for unlearning methods. A method tells its traits; for each request it makes a procedure, which
/// yields one step after the other; the server carries them out. Adding a method: a folder here and one line
/// in registry.cpp (README.md).
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "aggregate/history.hpp"
#include "aggregate/ledger.hpp"
#include "calibrate/jobs.hpp"
#include "config/choices.hpp"
#include "config/option.hpp"
#include "config/scenario_fwd.hpp"
#include "data/dataset.hpp"
#include "engine/combine_job.hpp"
#include "job/job.hpp"
#include "methods/client_profile.hpp"
#include "record/records.hpp"
#include "train/train_job.hpp"

namespace afu::methods {

using model::ParametersPtr;

/// How a request is coordinated with training. The default is what the method's authors prescribe.
enum class Coordination { concurrent, blocking };
const char* to_string(Coordination c);

using config::Scope;

/// Training in clusters between which nothing passes (src/methods/knot/README.md): each has a model, merges
/// what its members send by a training rule of its own, and can be rolled back by itself. They begin once all
/// clients have trained once on the initial model; the model that is published is the clusters' mean, by
/// samples, or the best cluster's.
struct ClusterNeeds {
  std::size_t count = 0;  ///< of clusters; 0: none
  double profiled = 1;    ///< part of the clients whose first update is waited for
  /// Published is the model of the cluster that is most accurate on the calibration images (of clients that
  /// never ask): whenever clusters have new models the calibrator is asked how good those are, and nobody
  /// waits for the answer. The mean until there is one.
  bool best = false;
  /// The cluster of each client that has a profile.
  std::function<std::vector<std::uint32_t>(const std::vector<ClientProfile>&, std::uint64_t seed)> assign{};
};

/// What the server must remember during training, and have clients train along.
struct Needs : aggregate::LedgerNeeds {
  aggregate::HistoryNeeds history;
  ClusterNeeds clusters;
  bool auxiliary_head = false;     ///< clients that may ask train a second head (src/methods/fedau)
  double auxiliary_gamma = 0.5;    ///< of AuxiliaryHead, where the whole client is to be forgotten
  bool auxiliary_backbone = true;  ///< of AuxiliaryHead
};

struct Traits {
  Needs needs;
  Coordination default_coordination = Coordination::concurrent;
  std::vector<Coordination> coordinations{Coordination::concurrent};
  std::vector<Scope> scopes{Scope::client, Scope::samples};  ///< samples: "subject" too, by the same piece
  /// Why the method has not got the other scopes.
  std::vector<std::pair<Scope, std::string>> refusals{};
  bool needs_target = false;  ///< the target must compute
  bool by_shard = false;      ///< its ledger of influences is kept by shard where training.shards is above 1
  bool restarts = false;      ///< begins a new lineage: such requests are served one after the other
  /// Puts a model in the published one's place while the others go on (Replace): likewise.
  bool assigns = false;
};

using record::no_client;

/// A request as the server took it.
struct Request {
  std::uint32_t index = 0;           ///< into the scenario's erasures
  std::uint32_t client = no_client;  ///< the target; none where the scope is a class
  Scope scope = Scope::client;       ///< samples: any part of a client's (config::is_part)
  std::int64_t label = -1;           ///< the class to forget
  data::IndicesPtr forget;           ///< rows to erase; null in timing-only runs
  std::int64_t forget_count = 0;
  /// Held-out rows of the target, poisoned to the same share (data::non_members); null in timing-only runs,
  /// and where no one client asks.
  data::IndicesPtr non_members;
  Coordination coordination = Coordination::concurrent;
  /// Who trains on what it covers: the target, or, of a class, everybody who has samples of it; ascending.
  std::vector<std::uint32_t> owners{};
};

/// A client that can be asked to compute, with what it may still train on.
struct Participant {
  std::uint32_t client = 0;
  std::int64_t samples = 0;
  data::IndicesPtr rows;      ///< null in timing-only runs
  data::IndicesPtr all_rows;  ///< with those that the request erases; likewise
};

/// What a procedure may look at when it is asked for a step. Vectors are null in timing-only runs.
struct View {
  const config::Scenario* scenario = nullptr;
  const config::Values* settings = nullptr;  ///< [unlearning.<method>]
  std::uint64_t version = 0, epoch = 0;
  std::uint64_t updates = 0;  ///< accepted updates in the current lineage
  std::int64_t clients = 0;   ///< K
  std::int64_t classes = 0;
  bool synchronous = false;                         ///< the training rule holds barrier rounds
  ParametersPtr model;                              ///< the current version
  ParametersPtr initial;                            ///< the run's first
  const aggregate::Tracked* target = nullptr;       ///< the target's ledger entry
  std::vector<const aggregate::Tracked*> owners{};  ///< ledger entries of the request's owners
  /// Of the target's shards those that the request is about, ascending; empty: the ledger is not kept by shard.
  std::vector<std::size_t> shards{};
  const aggregate::History* history = nullptr;
  ParametersPtr auxiliary;                     ///< the target's last auxiliary head; null: none yet
  std::vector<data::IndicesPtr> environments;  ///< calibration samples of the clients not excluded
  std::int64_t target_samples = 0;             ///< training samples of the target
  data::IndicesPtr target_holdout;             ///< rows of the target that are never trained on
  /// Clients that go on: not excluded, and, where only some of its samples must go, the target with the rest.
  std::function<std::vector<Participant>()> participants;
  /// What the client's step size was multiplied with in tasks with that version (training.schedule); null: 1.
  std::function<double(std::uint32_t client, std::uint64_t version)> lr_factor{};
  /// After Collect: who answered what, by client; the results are null in timing-only runs.
  std::vector<std::pair<std::uint32_t, std::shared_ptr<const job::JobResult>>> collected;
};

// ---- steps

/// Steps that hold something have constructors: scripts yield them, and g++ 12 destroys twice what an aggregate holds
/// that is made in braces where it is yielded. A defaulted one leaves an aggregate.
// NOLINTBEGIN(modernize-use-equals-default)

/// No further task is handed out; the next step is asked for when nothing is in flight any more.
struct Halt {};
/// Tasks are handed out again.
struct Resume {};
/// Work for clients, with a barrier: the next step is asked for when the last has answered. A client that
/// drops out in mid-round is asked again. To be used while all are halted, or for clients that are excluded.
struct Collect {
  struct Work {
    std::uint32_t client = 0;
    job::Job job;
    double passes = 0;  ///< sample gradients
  };
  std::vector<Work> work;
  Collect() {}
};
/// A job for the unlearner. At the target it costs the target's modelled time and link, else the server's.
struct Erase {
  job::Job job;
  double passes = 0;  ///< sample gradients
  bool at_target = false;
  Erase() {}
  Erase(job::Job j, double sample_gradients, bool target_computes)
      : job(std::move(j)), passes(sample_gradients), at_target(target_computes) {}
};
/// w <- w + delta, never discounted by staleness. The erasure epoch rises. For a delta that is -c S_u,
/// `influence_gain` = c lets a rule that mixes whole models use S_u as it is at the merge. `by_accumulator`:
/// w <- (w - A_u)/(1 - m_u) as they are at the merge, which takes all whole models of the target out
/// (src/aggregate/README.md, Ledger); with a delta rule, w <- w - S_u. `calibration`: the sum of the
/// calibrations that were done in private, which is added too; they count as merged by this one. Where the
/// network has running statistics (BatchNorm) they are taken anew, on the calibration images, by the
/// calibrator before the merge; so they are when the model is replaced.
struct MergeErasure {
  ParametersPtr delta;
  std::optional<double> influence_gain;
  bool by_accumulator = false;
  ParametersPtr calibration{};
  /// What of the ledger it takes out, as that was when `delta` was computed: the model then holds of these clients what
  /// came since, or, by a rule that mixes whole models, nothing.
  std::vector<aggregate::TakenOut> taken{};
  MergeErasure() {}
  MergeErasure(ParametersPtr d, std::optional<double> gain = std::nullopt, bool accumulated = false,
               ParametersPtr calibrated = nullptr)
      : delta(std::move(d)),
        influence_gain(gain),
        by_accumulator(accumulated),
        calibration(std::move(calibrated)) {}
};
/// The model becomes this one, whatever was merged meanwhile. The first one of a request raises the erasure epoch. What of
/// the retained clients' work is lost by it is counted by `holds` (federate/merged_updates.hpp). While all are halted, or,
/// where Traits::assigns, at any time: then the ledger becomes again what it was when the request's first Erase was
/// asked for.
struct Replace {
  ParametersPtr model;
  std::uint64_t holds = 0;  ///< the version up to which merged updates of those who stay are in it
  /// It goes on from that version: the history forgets the rounds after it.
  bool rewinds = false;
  /// What was done to the version that it was computed from, for the bases of late updates. Null: nobody works on one.
  ParametersPtr erasure{};
  Replace() {}
  Replace(ParametersPtr m, std::uint64_t held, bool back = false, ParametersPtr e = nullptr)
      : model(std::move(m)), holds(held), rewinds(back), erasure(std::move(e)) {}
};
/// From the next task on clients train with these; null: as the scenario says.
struct Retune {
  std::shared_ptr<const train::TrainExtras> extras;
  explicit Retune(std::shared_ptr<const train::TrainExtras> e = nullptr) : extras(std::move(e)) {}
};
/// A job for the calibrator, from the current version. A calibrate::CalibrateJob is a calibration: it is counted and
/// recorded; so is a job of the method's own with `steps`.
struct Calibrate {
  job::Job job;
  double passes = 0;
  std::optional<std::int64_t> steps{};  ///< of the calibration that the job is
  Calibrate() {}
  Calibrate(job::Job j, double sample_gradients, std::optional<std::int64_t> taken = std::nullopt)
      : job(std::move(j)), passes(sample_gradients), steps(taken) {}
};
/// w <- w + weight * delta, which is that of the last calibration. The last one before `Forgotten` also
/// completes what a rebase adds.
struct MergeCalibration {
  ParametersPtr delta;
  double weight = 1.0;
  bool shortened = false;  ///< `weight` is that of a difference longer than calibration.research.max_delta
  explicit MergeCalibration(ParametersPtr d = nullptr, double w = 1.0) : delta(std::move(d)), weight(w) {}
};
/// From here on until Done every delta that is merged passes `guard`; every `restore_every` accepted updates
/// the model is pulled back to what it is now by `restore` (src/calibrate/README.md, Guard). In timing-only
/// runs `guard` is null.
struct GuardErasure {
  engine::GuardPtr guard;
  double restore = 0;
  std::uint64_t restore_every = 0;
  GuardErasure() {}
  GuardErasure(engine::GuardPtr g, double part, std::uint64_t every)
      : guard(std::move(g)), restore(part), restore_every(every) {}
};
/// From here on until Done the calibrator looks at every merge of updates, by this job with the
/// versions before and after the merge in it: its figure "scale" s is the part of
/// the merge that may stay (src/calibrate/README.md, Gate). Nobody waits for that: the merge is published;
/// where s < 1 a merge of its own takes the rest back when the answer has come. Another one takes the place
/// of the last.
struct GateUpdates {
  calibrate::GateJob job;
  double passes = 0;  ///< a merge
  GateUpdates() {}
  GateUpdates(calibrate::GateJob j, double a_merge) : job(std::move(j)), passes(a_merge) {}
};
// NOLINTEND(modernize-use-equals-default)

/// The next step is asked for after so many more accepted updates.
struct AwaitUpdates {
  std::uint64_t count = 0;
};
/// Training starts again from the initial model without the target: a new lineage. What is in flight is lost.
/// With `barrier` the retraining holds FedAvg rounds, whatever the training rule is.
struct Restart {
  bool barrier = false;
};
/// The target's cluster alone goes back to its model from before the target's first contribution; what its
/// members are working on is lost. Raises the erasure epoch. Where the target never took part it only ceases
/// to count in what is published.
struct RollBackCluster {};
/// The next step is asked for when that cluster has accepted as many updates as the others lost by
/// roll-backs, or nobody is left in it.
struct AwaitCluster {};
/// The published model counts as erased from here on.
struct Forgotten {};
struct Done {};

using Step = std::variant<Halt, Resume, Collect, Erase, MergeErasure, Replace, Retune, Calibrate,
                          MergeCalibration, GuardErasure, GateUpdates, AwaitUpdates, Restart, RollBackCluster,
                          AwaitCluster, Forgotten, Done>;

/// One request's way through a method. `result` is what the last step's job returned (Erase, Calibrate), else
/// null; it is null after them too in timing-only runs. Never called again after Done.
class Procedure {
 public:
  virtual ~Procedure() = default;
  virtual Step next(const View& view, const job::JobResult* result) = 0;
};

struct Method {
  std::string name;
  std::string help;
  Traits traits;
  std::vector<config::Option> options;
  std::unique_ptr<Procedure> (*start)(const Request&);
  std::vector<job::JobType> jobs{};  ///< the kinds that are its own
  /// Other methods by whose sections it works too.
  std::vector<std::string> uses{};
  /// Defaults of other sections that hold where an option is chosen.
  std::vector<config::Implied> implied{};
  /// What of `traits.needs` depends on the method's own options; null: nothing.
  Needs (*needs)(const config::Values& settings) = nullptr;
  /// Why it does not serve images with any number of labels; empty: it does.
  std::string one_class{};
  /// Complains about what else of a scenario the method cannot work with; null: nothing.
  void (*check)(const config::Scenario&, const config::Complain&) = nullptr;
  /// A warning that a scenario calls for which it can work with all the same; empty: none. Null: never one.
  std::string (*warning)(const config::Scenario&) = nullptr;
};

}  // namespace afu::methods
