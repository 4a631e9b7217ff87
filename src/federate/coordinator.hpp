#pragma once
/// The server's protocol as a state machine that knows no actor: messages in, effects out. It decides who
/// trains on what, what is merged with which weight, and carries out the unlearning method's steps; vectors
/// are combined elsewhere.
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "aggregate/history.hpp"
#include "aggregate/ledger.hpp"
#include "aggregate/rule.hpp"
#include "config/scenario.hpp"
#include "data/dataset.hpp"
#include "engine/combine_job.hpp"
#include "federate/clusters.hpp"
#include "federate/messages.hpp"
#include "federate/setup.hpp"
#include "figures/erasure_figures.hpp"
#include "methods/method.hpp"
#include "record/records.hpp"
#include "train/train_job.hpp"

namespace afu::federate {

/// A version to be measured.
struct Evaluation {
  record::MetricsRow row;  ///< version, epoch, updates, time and phase; the figures are still absent
  ParametersPtr model;
  bool before_erasure = false;             ///< the version that the first request found
  std::optional<std::uint32_t> request{};  ///< the request that found this version; none: it was due
};

/// What a client sent, for audit/updates.npz.
struct AuditedUpdate {
  std::string name;  ///< "client_3_job_12"
  ParametersPtr delta;
};

struct Effects {
  std::vector<Post> posts;
  std::vector<record::Decision> decisions;
  std::vector<Evaluation> evaluations;
  std::vector<record::CalibrationRecord> calibrations;
  std::vector<AuditedUpdate> audited;  ///< those that the scenario's output.audit_updates names
  /// To be computed; then call `merged` and nothing else before. A merge may take two of them.
  std::optional<engine::CombineJob> merge;
  bool stop = false;
  std::string failure;  ///< not empty: the run cannot go on, and why
};

/// What is known at the end.
struct Outcome {
  struct Erased {
    record::ErasureRecord record;
    std::vector<figures::TimeSpan> halted;
  };
  std::vector<Erased> erasures;
  std::vector<figures::AcceptedUpdate> accepted;  ///< of clients that never ask; empty without erasures
  ParametersPtr model;
  std::uint64_t version = 0, epoch = 0, updates = 0, samples_trained = 0, rounds = 0;
  std::uint64_t history_bytes = 0;  ///< most that was held for the unlearning method
  bool stopped = false;             ///< a [stop] condition was met
  std::optional<record::Divergence> divergence;
  record::UnusedWork unused;
  record::Shortened shortened;
  std::vector<std::string> warnings;  ///< what an erasure or a regulariser could not do, and why
  /// Clients with a task out, the first few, and since when.
  struct Busy {
    std::uint32_t client = 0;
    std::uint64_t job = 0;
    double since = 0;
  };
  std::vector<Busy> busy;
};

class Coordinator {
 public:
  explicit Coordinator(Setup setup);

  void start(double now, Effects& fx);
  void on(double now, const Update& m, Effects& fx);
  void on(double now, const Dropped& m, Effects& fx);
  void on(double now, const CollectResult& m, Effects& fx);
  void on(double now, const EraseRequest& m, Effects& fx);
  void on(double now, const EraseResult& m, Effects& fx);
  void on(double now, const CalibrateResult& m, Effects& fx);
  /// The result of what the last effects asked for as `merge`.
  void merged(double now, const job::JobResult& result, Effects& fx);

  Outcome outcome() const;
  std::uint64_t updates() const { return updates_; }
  /// The version now published, to be measured last.
  Evaluation evaluation(double now) const;

 private:
  struct Client {
    std::uint64_t job = 0, honours = 0;
    std::uint32_t accepted = 0;
    float since = 0;         ///< when its task was handed out
    std::uint16_t held = 0;  ///< requests for a part of its samples that are being served
    bool busy = false, asked = false;
    bool leaving = false;   ///< all of it is erased, or being erased
    bool excluded = false;  ///< leaving, or held
  };
  /// What the server keeps of a task that is out, where the rule or the method needs it.
  struct Outgoing {
    ParametersPtr base;
    std::vector<ParametersPtr> influence;
  };
  struct Active {
    methods::Request request;
    std::unique_ptr<methods::Procedure> procedure;
    enum class Waiting {
      nothing,
      turn,
      drain,
      collect,
      erase,
      merge,
      calibrate,
      updates,
      cluster
    } waiting = Waiting::nothing;
    std::uint64_t wait_until = 0, halted_version = 0;
    bool requested = false, halting = false, restarted = false, barrier = false, done = false,
         readmitted = false;
    std::vector<std::size_t> repeats;  ///< requests that erase all of it already
    std::optional<double> interval_began;
    /// Work that clients were asked for, by client; the job's number is the client's.
    std::map<std::uint32_t, CollectTask> collecting;
    std::vector<std::pair<std::uint32_t, ResultPtr>> collected;
    std::optional<record::CalibrationRecord> calibration;  ///< the one that is being computed or merged
    std::vector<record::CalibrationRecord> in_private;     ///< done before it, and not merged yet
    std::uint64_t calibrated_updates = 0;                  ///< accepted when the last one began
    std::optional<methods::GuardErasure> guard;
    ParametersPtr guarded;               ///< the version that the guard was built at
    std::uint64_t restored_updates = 0;  ///< accepted when the model was last pulled back to it
    std::optional<methods::GateUpdates> gate;
    /// What waits until the calibrator has taken the running statistics of the model that it makes.
    std::optional<methods::Step> unsettled;
    record::ErasureRecord record;
    std::vector<figures::TimeSpan> halted;
  };
  /// A merge to be done; the combination is built when its turn comes.
  struct Merge {
    std::optional<aggregate::MergePlan> plan;  ///< of updates
    std::size_t request = 0;                   ///< else of this request's procedure
    bool erasure = false;
    ParametersPtr delta;
    std::optional<double> influence_gain;
    std::vector<record::Decision::Kind> kinds;  ///< one a part of the plan
    bool by_accumulator = false;
    bool weighed = false;                  ///< the rule has been told what it asked for
    std::size_t rule_outputs = 0;          ///< where the outputs for the rule begin
    double weight = 1.0;                   ///< of a calibration's delta
    std::optional<std::size_t> cluster{};  ///< whose model it makes; none: the published one
    enum class Of { model, profiles, rollback } of = Of::model;  ///< the latter two are about clusters
    ParametersPtr calibration{};                                 ///< of an erasure: what was done in private
    ParametersPtr statistics{};  ///< of an erasure: a vector whose buffers become the model's
  };
  /// A merge of updates that gates are looking at.
  struct Probe {
    aggregate::MergePlan plan;
    double kept = 1;        ///< of it, so far
    std::size_t asked = 0;  ///< answers still to come
  };
  struct Correction {
    std::uint64_t epoch;
    std::vector<std::pair<double, ParametersPtr>> vectors;
  };

  bool timing() const { return !setup_.initial; }
  const config::Scenario& scenario() const { return *setup_.scenario; }
  bool exclusive(const Active& a) const;
  bool retrains(const Active& a, std::uint32_t client) const;

  void task(std::uint32_t client, Effects& fx);
  std::shared_ptr<const train::AuxiliaryHead> auxiliary_for(std::uint32_t client) const;
  void collect_task(const CollectTask& work, std::uint32_t client, Effects& fx);
  void fill(Effects& fx);
  void start_round(Effects& fx);
  void give_work(Effects& fx);
  void release(std::uint32_t client);
  void abandon_all();
  void accept(const Update& m, Effects& fx);
  void audit(const Update& m, Effects& fx);
  void end_of_round();
  void post_due(Effects& fx);
  void reckon(Effects& fx);
  Merge merge_of(aggregate::MergePlan plan, std::vector<record::Decision::Kind> kinds) const;
  aggregate::Rule& rule_of(const Merge& merge) {
    return merge.cluster ? clusters_->rule(*merge.cluster) : *rule_;
  }
  engine::CombineJob request_job(const Merge& merge) const;
  // Running statistics (coordinator_statistics.cpp).
  bool take_statistics(Active& a, engine::Combination model, methods::Step step, Effects& fx);
  void settle_statistics(Active& a, const job::JobResult* result, Effects& fx);
  Merge merge_of(const Active& a, const methods::MergeErasure& s) const;
  void replace(Active& a, const ParametersPtr& model, Effects& fx);
  void start_merge(Effects& fx);
  void weigh(Merge& merge, const std::vector<double>& numbers);
  void finish_merge(const job::JobResult& result, Effects& fx);
  // Calibrations and guards (coordinator_calibration.cpp).
  void calibration_posted(Active& a, const methods::Calibrate& s);
  void calibration_computed(Active& a, const job::JobResult* result);
  void calibration_merged(Active& a, const Merge& merge, std::uint64_t before, Effects& fx);
  std::vector<engine::GuardPtr> guards() const;
  void guard_merge(Merge& merge, engine::Combination& model);
  void note_guards(const job::JobResult& result);
  // The gate (coordinator_gate.cpp).
  void probe(const Merge& merge, const ParametersPtr& before, Effects& fx);
  void probed(const CalibrateResult& m);
  void published(Effects& fx);
  void settle(Effects& fx);

  std::vector<methods::Participant> participants(const Active& a) const;
  std::vector<std::size_t> taken_before(const Active& a) const;
  void leave_out_erased(Active& a) const;
  void repeat(const Active& a, record::ErasureRecord& record) const;
  void take_class_request(Active& a);
  void take_client_request(Active& a);
  void advance(std::size_t request, const job::JobResult* result, Effects& fx);
  void finished(Active& a);
  void keep(std::int64_t bytes, Effects& fx);
  // What the server does with one step of a procedure (coordinator_steps.cpp).
  void perform(Active& a, methods::Halt& s, Effects& fx);
  void perform(Active& a, methods::Resume& s, Effects& fx);
  void perform(Active& a, methods::Collect& s, Effects& fx);
  void perform(Active& a, methods::Erase& s, Effects& fx);
  void perform(Active& a, methods::MergeErasure& s, Effects& fx);
  void perform(Active& a, methods::Replace& s, Effects& fx);
  void perform(Active& a, methods::Retune& s, Effects& fx);
  void perform(Active& a, methods::Calibrate& s, Effects& fx);
  void perform(Active& a, methods::MergeCalibration& s, Effects& fx);
  void perform(Active& a, methods::GuardErasure& s, Effects& fx);
  void perform(Active& a, methods::GateUpdates& s, Effects& fx);
  void perform(Active& a, methods::AwaitUpdates& s, Effects& fx);
  void perform(Active& a, methods::Restart& s, Effects& fx);
  void perform(Active& a, methods::RollBackCluster& s, Effects& fx);
  void perform(Active& a, methods::AwaitCluster& s, Effects& fx);
  void perform(Active& a, methods::Forgotten& s, Effects& fx);
  void perform(Active& a, methods::Done& s, Effects& fx);
  /// Calibration samples of clients that never ask, `most` of them at most, and how many; no rows without
  /// data.
  std::pair<data::IndicesPtr, std::int64_t> calibration_rows(std::int64_t most) const;
  std::vector<data::IndicesPtr> environments() const;
  // EWC (coordinator_ewc.cpp).
  void ask_fisher(Active& a, Effects& fx);
  void take_fisher(const CalibrateResult& m);
  void drop_anchor();
  void renew_extras();
  // Clusters (coordinator_clusters.cpp).
  std::vector<bool> staying() const;
  void weigh_clusters();
  bool end_profiling();
  void judge_clusters(Effects& fx);
  bool choose_cluster(Effects& fx);
  void start_cluster_job(const Merge& merge, Effects& fx);
  void assign_clusters(const std::vector<double>& cosines, Effects& fx);
  void begin_again(Active& a, std::size_t cluster);
  void roll_back(const Merge& merge, const std::vector<ParametersPtr>& outputs, Effects& fx);
  void restart(Active& a, bool barrier, Effects& fx);
  void renew_rule();
  void readmit(Active& a);
  void begin_interval(Active& a);
  void end_interval(Active& a);
  methods::View view(const Active& a) const;

  // The end (coordinator_outcome.cpp).
  void diverge(record::Divergence d, Effects& fx);
  record::Divergence divergence_of(const Merge& merge) const;
  std::string unmet(std::size_t request) const;
  std::string stopped_for(std::size_t request) const;
  void warn(std::string text);
  void look_for_target(std::size_t request);
  void settle_outcome(std::size_t request, record::ErasureRecord& record) const;

  void decide(record::Decision::Kind kind, std::uint32_t client, std::uint64_t staleness, double weight,
              Effects& fx);
  void evaluate(Effects& fx, std::optional<std::uint32_t> request = {});
  std::int64_t stored_bytes() const;
  std::string phase() const;

  Setup setup_;
  const methods::Method& method_;
  std::unique_ptr<aggregate::Rule> rule_, parked_rule_;
  double mean_samples_ = 1;
  methods::Needs needs_;
  aggregate::Ledger ledger_;
  aggregate::History history_;
  bool keep_bases_ = false;
  std::unique_ptr<Clusters> clusters_;  ///< null: the method trains in none

  double now_ = 0;
  ParametersPtr model_;
  std::uint64_t version_ = 0, epoch_ = 0, updates_ = 0, accepted_total_ = 0, samples_trained_ = 0, round_ = 0;
  std::vector<Client> clients_;
  std::unordered_map<std::uint32_t, Outgoing> outgoing_;
  std::vector<std::uint32_t> idle_;
  std::uint64_t in_flight_ = 0, selections_ = 0, round_outstanding_ = 0;
  int halts_ = 0;
  bool round_open_ = false, needs_work_ = false, stopped_ = false;

  std::vector<Active> requests_;  ///< one an erasure of the scenario
  std::deque<Merge> merges_;
  bool merging_ = false;
  std::vector<Correction> corrections_;
  std::map<std::uint64_t, Probe> probes_;  ///< by the version that the merge made
  std::uint64_t dense_until_ = 0, last_evaluated_updates_ = 0, last_evaluated_version_ = ~0ull;
  bool before_taken_ = false;
  std::vector<figures::AcceptedUpdate> accepted_;
  std::uint64_t history_bytes_ = 0, calibrations_ = 0;
  std::optional<record::Divergence> divergence_;
  record::UnusedWork unused_;
  record::Shortened shortened_;
  std::vector<std::string> warnings_;
  std::set<std::pair<std::uint32_t, std::uint64_t>>
      audits_;                                             ///< jobs whose update is asked for and not in yet
  std::shared_ptr<const train::TrainExtras> extras_;       ///< what the method's last Retune says
  std::shared_ptr<const train::TrainExtras> anchor_;       ///< EWC's anchor, Fisher information and strength
  std::shared_ptr<const train::TrainExtras> task_extras_;  ///< both, as tasks carry them
  std::optional<std::uint64_t> fisher_version_;            ///< whose Fisher information is being computed
  ParametersPtr fisher_model_;                             ///< that version
  std::unordered_map<std::uint32_t, ParametersPtr> auxiliary_;  ///< last auxiliary heads, by client
};

}  // namespace afu::federate
