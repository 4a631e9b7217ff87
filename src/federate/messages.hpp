#pragma once
/// Every message that travels through the timeline, as a plain value. actors/messages.hpp makes them
/// inspectable.
#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "job/job.hpp"
#include "model/parameters_fwd.hpp"
#include "record/records.hpp"
#include "train/train_job.hpp"

namespace afu::federate {

using JobPtr = std::shared_ptr<const job::Job>;
using ResultPtr = std::shared_ptr<const job::JobResult>;
using model::ParametersPtr;

/// server -> client: train from this version. A client that is still busy abandons its job for the new one.
struct TrainTask {
  std::uint64_t job = 0;  ///< counts this client's tasks from 1: names its random streams
  std::uint64_t version = 0, epoch = 0;
  std::uint64_t honours = 0;  ///< a bit an erasure of the scenario: whose rows the client must leave out
  ParametersPtr model;
  std::shared_ptr<const train::TrainExtras> extras;       ///< null: none
  std::shared_ptr<const train::AuxiliaryHead> auxiliary;  ///< null: none
  double lr_factor = 1;  ///< training.schedule's; that of `extras` comes on top
};
/// A client's timer: the modelled computation of `job` ends now, or, when `lost`, broke off.
struct JobDone {
  std::uint64_t job = 0;
  double began = 0;
  bool lost = false;
};
/// client -> server.
struct Update {
  std::uint32_t client = 0;
  std::uint64_t job = 0, base_version = 0, base_epoch = 0;
  std::int64_t samples = 0;  ///< training samples of the client: its weight
  std::int64_t passes = 0;   ///< sample gradients computed
  ParametersPtr delta;
  ParametersPtr auxiliary;  ///< the auxiliary head after training; null: none was asked for
  bool finite = true;       ///< both are, in every value
  bool shortened = false;   ///< to training.max_delta
  /// What of `delta` each of the client's shards made; empty: the server keeps none of it.
  std::vector<ParametersPtr> parts{};
};
/// client -> server: the job was lost in mid-round. Job 0: whatever it was working on (a replaced client).
struct Dropped {
  std::uint32_t client = 0;
  std::uint64_t job = 0;
};
/// server -> client: compute this for an unlearning method. A client that is training abandons that.
struct CollectTask {
  std::uint32_t request = 0;
  std::uint64_t job = 0;      ///< as in TrainTask
  double passes = 0;          ///< sample gradients it costs
  JobPtr work;                ///< null in timing-only runs
  std::uint64_t version = 0;  ///< the current one when it was asked for
};
/// client -> server.
struct CollectResult {
  std::uint32_t request = 0, client = 0;
  std::uint64_t job = 0;
  ResultPtr result;  ///< null in timing-only runs
};
/// client -> server: forget me, or some of my samples. `request` is the index into the scenario's erasures.
struct EraseRequest {
  std::uint32_t request = 0;
};
/// server -> unlearner. At the target the work takes the target's modelled time and the target's link.
struct EraseTask {
  std::uint32_t request = 0;
  bool at_target = false;
  std::uint32_t client = 0;
  double passes = 0;  ///< sample gradients it costs
  JobPtr job;
  std::uint64_t version = 0;  ///< the current one when it was asked for
};
/// The unlearner's and the calibrator's timer.
struct WorkDone {
  std::uint64_t work = 0;
  double began = 0;
};
/// unlearner -> server.
struct EraseResult {
  std::uint32_t request = 0;
  ResultPtr result;  ///< null in timing-only runs
};
/// CalibrateTask::request of work that no request's method asked for: EWC's Fisher information.
inline constexpr std::uint32_t no_request = 0xffffffffu;
/// server -> calibrator.
struct CalibrateTask {
  std::uint32_t request = 0;  ///< or no_request
  std::uint64_t base_version = 0;
  double passes = 0;
  JobPtr job;
  bool probe = false;  ///< the gate's, of the merge that made `base_version`
};
/// calibrator -> server.
struct CalibrateResult {
  std::uint32_t request = 0;
  std::uint64_t base_version = 0;
  ResultPtr result;
  bool probe = false;
};

using Payload = std::variant<TrainTask, JobDone, Update, Dropped, CollectTask, CollectResult, EraseRequest,
                             EraseTask, WorkDone, EraseResult, CalibrateTask, CalibrateResult>;

/// A message or a timer on its way to the timeline.
struct Post {
  record::NodeId from = 0, to = 0;
  double at = 0;           ///< when it departs, or a timer fires; a time gone by: now
  std::int64_t link = -1;  ///< the client whose link carries it; -1: none, it arrives at once
  bool uplink = false;
  std::uint64_t bytes = 0;
  Payload payload;
  bool first = false;  ///< ahead of all else that comes at that time
};

/// How the log sees a post.
record::EventType event_type(const Post& p);
record::Event to_event(const Post& p, double sent, double time);

}  // namespace afu::federate
