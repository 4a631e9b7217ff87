#pragma once
/// What a run records, as plain values.
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace afu::record {

/// Who sent or received: 0 the server, 1 the unlearner, 2 the calibrator, 3 + k client k.
using NodeId = std::uint32_t;
inline constexpr NodeId server_node = 0, unlearner_node = 1, calibrator_node = 2, first_client_node = 3;
std::string client_text(std::uint64_t client,
                        const std::string& site);  ///< "client/7", or "client/7 (Leiden)"
std::string node_name(NodeId id);                  ///< "server", "unlearner", "calibrator", "client/7"

enum class EventType : std::uint8_t {
  train_task,      ///< server -> client: start from this version
  job_done,        ///< a client's own timer: its modelled computation ends
  update,          ///< client -> server
  dropped,         ///< client -> server: the job was lost in mid-round
  collect_task,    ///< server -> client: compute something for an unlearning method
  collect_result,  ///< client -> server
  erase_request,   ///< client -> server
  erase_task,      ///< server -> unlearner
  erase_job_done,  ///< the unlearner's timer
  erase_result,    ///< unlearner -> server
  calibrate_task,  ///< server -> calibrator
  calibrate_job_done,
  calibrate_result
};
const char* to_string(EventType t);

/// One delivered protocol event. `sent` is when the sender posted it (for a timer: when the work began).
struct Event {
  double time = 0, sent = 0;
  EventType type = EventType::train_task;
  NodeId from = 0, to = 0;
  std::uint64_t job = 0;      ///< the client's job number, request number, ...
  std::uint64_t version = 0;  ///< base version
  std::uint64_t epoch = 0;    ///< base erasure epoch
  std::uint64_t bytes = 0;
};

inline constexpr std::uint32_t no_client = 0xffffffffu;

/// What the server did with an update or an erasure; interleaved with the events, in order.
struct Decision {
  enum class Kind : std::uint8_t {
    merged,
    buffered,
    rejected,
    late_rebased,
    late_guarded,
    late_dropped,
    late_accepted,
    erasure_merged,
    calibration_merged,
    halted,
    resumed,
    restarted,
    forgotten,
    replaced,     ///< the model, by what a method computed
    assigned,     ///< the client to the cluster whose number is the weight
    rolled_back,  ///< the client's cluster
    gated,        ///< a part of the client's merged update was taken back
    chosen,       ///< to be published, the cluster whose number is the weight
    not_finite,   ///< what the client sent, or what was computed for it, is not finite: it is dropped
    diverged      ///< what the client sent, or what was computed for it, is not finite: the run ends
  };
  double time = 0;
  Kind kind = Kind::merged;
  std::uint32_t client = 0;   ///< whose update or erasure; no_client: a class's, or nobody's
  std::uint64_t version = 0;  ///< the version after it
  std::uint64_t epoch = 0;
  std::uint64_t staleness = 0;
  double weight = 0;  ///< the coefficient applied; of `assigned` and `chosen` the cluster
  /// Of one that puts another model in the published one's place (restarted, replaced, rolled_back): see
  /// ErasureRecord::updates_lost. Absent: of any other.
  std::optional<std::int64_t> updates_lost{};
};
const char* to_string(Decision::Kind k);

/// What one request's own samples tell of a version.
struct RequestFigures {
  std::optional<double> forget_accuracy;
  /// Absent unless the request covers the whole backdoor.
  std::optional<double> attack_success_rate;
  std::optional<double> mia_auc;  ///< against held-out samples of their owners
  /// Of its own poisoned samples, the part that is answered with the trigger's label. Absent where it has none.
  std::optional<double> poisoned_success{};
};

/// What the samples of one client or site alone tell of a version (metrics::EvaluationGroup).
struct GroupFigures {
  std::optional<double> accuracy, balanced_accuracy, auc, loss;
};

/// One evaluation; absent figures do not apply.
struct MetricsRow {
  std::uint64_t version = 0, epoch = 0, updates = 0;
  double time = 0;
  std::optional<double> test_accuracy, balanced_accuracy, forget_accuracy, retain_accuracy,
      attack_success_rate, mia_auc, test_loss;
  std::string phase;                       ///< "training", "erasing", "forgotten"
  std::vector<RequestFigures> requests{};  ///< one an erasure of the scenario
  std::optional<double> test_auc{}, calibration_error{}, brier_score{};
  std::vector<GroupFigures> groups{};  ///< one a group of evaluation.by_client
  bool same_answers = false;           ///< to all test images (metrics::same_answers); not in metrics.csv
};

/// Of a run's points the third, "plus16": so many accepted updates after the second, "merged".
inline constexpr std::uint64_t updates_until_later = 16;

/// One figure of an attack on the version that a point of the run names (attack/campaign.hpp).
struct AttackRow {
  std::string point;  ///< "before", "merged", "plus16", "final"
  std::uint64_t version = 0, updates = 0;
  double time = 0;
  std::string attack, figure;
  double value = 0;  ///< NaN: of a model without an answer; empty in a table, null in JSON
};

/// A lane's work in real time (seconds since the run began).
struct LaneSpan {
  std::uint32_t lane = 0;
  std::string name;  ///< "train client/3", "calibrate", ...
  double begin = 0, end = 0;
};

/// One calibration that was merged: calibrations.csv. Figures that do not apply are absent; in timing-only
/// runs all of them are.
struct CalibrationRecord {
  std::uint64_t number = 0;  ///< in the run, from 1
  std::int64_t client = 0;   ///< whose erasure; negative: a class's
  std::uint64_t epoch = 0;
  std::uint64_t base_version = 0, merged_version = 0;  ///< where it began; the version that holds it
  std::uint64_t staleness = 0;                         ///< versions published in between
  /// Accepted updates since the last calibration; the first: since the erasure, or, before it, the request.
  std::uint64_t updates_since = 0;
  double began = 0, ended = 0;  ///< posted, merged
  std::int64_t steps = 0;
  double passes = 0;         ///< sample gradients as modelled
  std::int64_t samples = 0;  ///< sample gradients and forward passes computed
  double weight = 1;         ///< that it was merged with
  std::optional<double> loss_before, loss_after, risk_before, risk_after, kl_before, kl_after, kd_before,
      kd_after, penalty_before, penalty_after, norm,
      cosine;  ///< norm of the difference; cos(difference, -e)
  std::optional<double>
      penalty_reference;  ///< what penalty_before is compared with (calibration.research.sunset_jobs)
};

/// What a guard saw of the clients' updates that were merged while it stood (src/calibrate/README.md, Guard).
struct GuardFigures {
  std::uint64_t updates = 0;
  double cosine_sum = 0, cosine_square_sum = 0;  ///< of cos(delta, -e)
  double removed_sum = 0;                        ///< of the part of |delta|^2 that was removed
  std::uint64_t projected = 0;                   ///< of which any was
};

/// What a gate made of the merges of updates in the window (src/calibrate/README.md, Gate), so far as it has
/// answered.
struct GateFigures {
  std::uint64_t probed = 0, scaled = 0;  ///< merges; those of which a part was taken back
  double scale_sum = 0;                  ///< of what was kept of each
  std::int64_t samples = 0;              ///< forward passes computed
};

/// What the models before and after an erasure told of it (calibrate::DifferenceJob): passes, samples and searched
/// of all searches, the other figures of the last. They are absent in timing-only runs.
struct DifferenceFigures {
  std::int64_t searches = 0;  ///< asked for
  double passes = 0;          ///< sample gradients as modelled
  std::int64_t samples = 0;   ///< sample gradients and forward passes computed
  std::optional<std::int64_t> label{}, labels{}, searched{}, found{};
  std::optional<double> taken{}, next_taken{};
  std::optional<double> drop{}, next_drop{}, success{}, erased_success{}, size{};
  std::optional<std::int64_t> pruned{};  ///< units; absent: none were to be
  std::int64_t slipped = 0;              ///< later calibrations that found a pruned weight that was not 0
};

/// What an erasure did to the features (calibrate::FeatureDirectionsJob). The figures are absent in timing-only runs.
struct FeatureFigures {
  double passes = 0;         ///< forward passes as modelled
  std::int64_t samples = 0;  ///< computed
  std::optional<std::int64_t> directions{};
  std::optional<double> share{};
};

/// What an erasure's calibrations came to.
struct CalibrationTotals {
  std::uint64_t count = 0, staleness_sum = 0;
  std::int64_t steps = 0, samples = 0;
  double passes = 0, seconds = 0;  ///< sample gradients as modelled; on the run's clock, from post to merge
};

/// How a request ended. merged: its erasure is in a published version. refused: the server took it and
/// erases nothing. unserved: the run ended first.
enum class RequestOutcome : std::uint8_t { unserved, merged, refused };
const char* to_string(RequestOutcome o);

/// One request and what became of it. Times on the run's own clock.
struct ErasureRecord {
  std::int64_t client = 0;             ///< negative: a class's
  std::optional<double> requested_at;  ///< absent: the server was never asked
  std::optional<double> merged_at, forgotten_at, downtime_seconds, retained_throughput_ratio, rebound_max,
      rebound_end;
  std::int64_t lost_updates = 0, late_updates = 0;
  /// Merged updates of clients that stay whose effect was lost where a model was put in the published one's place
  /// (federate/merged_updates.hpp). Absent: the afu that wrote the run did not count them.
  std::optional<std::int64_t> updates_lost = 0;
  /// What the method cost: sample gradients that clients and the server computed for it, and the most it held
  /// at the server for erasing, in bytes.
  double client_passes = 0, server_passes = 0;
  std::uint64_t stored_bytes = 0;
  CalibrationTotals calibrations{};
  std::optional<GuardFigures> guard{};            ///< absent: there was none
  std::optional<GateFigures> gate{};              ///< likewise
  std::optional<DifferenceFigures> difference{};  ///< absent: nothing was searched for
  std::optional<FeatureFigures> features{};       ///< likewise
  std::uint32_t request = 0;                      ///< which of the scenario's erasures
  std::string scope = "client";                   ///< "client", "samples", "subject", "class"
  std::string site{};                             ///< what the client is called; empty: by its number alone
  std::int64_t label = -1;                        ///< the class of the scope "class"
  std::vector<std::string> subjects{};            ///< those of the scope "subject"
  std::string file{};        ///< name of the file of ids, where the scope "samples" has one
  std::int64_t samples = 0;  ///< training samples that it covers
  /// Of its own samples: on the version that it found, and at the end of the run.
  RequestFigures found{}, final{};
  std::string rebound_of{};  ///< "attack_success_rate" or "forget_accuracy"; empty: there is no rebound
  RequestOutcome outcome = RequestOutcome::unserved;
  std::string reason{};  ///< why it was not merged, or not forgotten; empty: it was both
};

/// What an erasure covers: "client/3", "client/3 (Leiden)", "12 samples of client/3", "12 samples of ids.csv at client/3",
/// "subject OAS1_0171 at client/3", "class 2".
std::string covers_text(const ErasureRecord& e);

struct Figures {
  std::optional<double> test_accuracy, forget_accuracy, retain_accuracy, attack_success_rate, mia_auc;
  std::optional<double> balanced_accuracy{}, test_auc{}, test_loss{}, calibration_error{}, brier_score{};
};

/// The labels of a set that a model is measured on: what a constant answer to it is worth.
struct SetLabels {
  std::uint64_t samples = 0, classes = 0;  ///< classes that occur
  double majority_share = 0;               ///< of the largest class: a constant classifier's accuracy
  double entropy = 0;                      ///< nats: the loss of who answers with the classes' shares
  /// Of images with any number of labels how many there are. `classes` is then 2, each label's two values, and the others are
  /// means over the labels. 0: classes.
  std::uint64_t labels = 0;
};
/// "480 samples of 3 classes, the largest 50.0 %"; "480 samples with 14 labels or not, the more frequent answer 94.7 %"
std::string to_string(const SetLabels& s);

/// Work that is in no version of the model.
struct UnusedWork {
  std::uint64_t rejected_updates = 0;  ///< of clients that had asked, or of tasks that had been taken back
  std::uint64_t late_updates_dropped = 0, lost_jobs = 0;  ///< by unlearning.late; by dropout
  std::uint64_t buffered_at_end = 0;                      ///< accepted updates that no merge came for
  std::uint64_t busy_at_end = 0;                          ///< clients with a task out
  std::uint64_t clients_never_heard = 0;  ///< that stay, with no update in the model's lineage
  std::uint64_t clients_gone = 0;         ///< that will never be back, or never done
  /// Not finite, and dropped by training.non_finite: updates; work for requests, and answers to the server's questions.
  std::uint64_t not_finite_updates = 0, not_finite_work = 0;
};

/// Differences that were longer than they may be, and were scaled down to that.
struct Shortened {
  std::uint64_t updates = 0;       ///< accepted, by training.max_delta
  std::uint64_t erasure_work = 0;  ///< what clients computed for an erasure, by training.max_delta
  std::uint64_t calibrations = 0;  ///< by calibration.research.max_delta
};

/// A result that was not finite: the first, in a run that ended with it. It is in no version.
struct Divergence {
  std::string what;                      ///< "update", "merge", "erasure", "calibration", ...
  std::optional<std::uint32_t> client;   ///< whose; absent: of several, or of none
  std::optional<std::uint64_t> job;      ///< the client's job number
  std::optional<std::uint64_t> request;  ///< index into the scenario's erasures that it was computed for
  std::uint64_t version = 0;             ///< that it was computed from
  std::uint64_t updates = 0;             ///< accepted before it
  double time = 0;                       ///< on the run's clock
};
/// "the update of client/3 (job 12), computed from version 31, is not finite: after 35 updates, at 4.5 s"
std::string to_string(const Divergence& d);

/// The contract of summary.json.
/// What became of a node whose lanes computed for the run.
struct NodeRecord {
  std::string node;         ///< HOST:PORT
  std::string host;         ///< what it calls itself
  std::uint64_t lanes = 0;  ///< that it offered
  std::uint64_t jobs = 0;   ///< computed there
  std::uint64_t losses = 0;
  std::uint64_t jobs_lost = 0;  ///< that it had at a loss; others computed them again
  std::string last_loss{};      ///< why; empty: it was never lost
};

struct Summary {
  std::string method, clock;
  Figures final, before_erasure;
  std::vector<AttackRow> attacks;  ///< on the final version; empty: null
  std::vector<ErasureRecord> erasures;
  std::uint64_t updates = 0, samples_trained = 0, messages = 0, bytes_sent = 0;
  double virtual_seconds = 0, wall_seconds = 0;
  std::optional<double> overrun_share;
  std::uint64_t peak_rss_bytes = 0;
  std::string model_sha256;  ///< empty: null
  // context
  std::uint64_t seed = 0;
  /// "completed", "interrupted", "diverged", "starved: who is waited for" or "failed: why"
  std::string scenario, ended;
  std::optional<Divergence> divergence{};  ///< present where the run ended with it
  std::vector<std::string> warnings{};     ///< what must not be overlooked in the figures
  UnusedWork unused{};
  Shortened shortened{};
  std::string revision;  ///< of the sources; empty: null
  std::string started;   ///< ISO 8601, UTC (record::utc_now()); empty: null
  std::vector<std::string> devices;
  std::vector<NodeRecord> nodes{};  ///< empty: the run computed by itself
  std::string same_bytes;  ///< on which processors the same scenario gives them; empty: no promise is made
  std::uint64_t events = 0, history_bytes = 0;
  /// How often the run was stopped before its end and went on; for how long, real seconds, it was away in all.
  std::uint64_t resumed = 0;
  double away_seconds = 0;
  std::optional<SetLabels> test_set{}, retain_set{};  ///< absent where nothing was measured on it
  std::vector<std::string> sites{};  ///< what the clients are called; empty: by their numbers alone
  std::string client_text(std::uint64_t client) const {
    return record::client_text(client, client < sites.size() ? sites[client] : std::string());
  }
};

/// Of the requests that reached the server the first in time; null: none did.
const ErasureRecord* first_request(const Summary& s);

}  // namespace afu::record
