#pragma once
/// Every message between actors. The protocol's own (federate/messages.hpp) are inspectable, all but what holds a job's
/// result: parameters and jobs serialise as bytes. What stays within the process travels as a pointer to immutable data.
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/atom.hpp>
#include <caf/error.hpp>
#include <caf/meta/load_callback.hpp>
#include <caf/meta/type_name.hpp>
#include <caf/sec.hpp>
#include <caf/type_id.hpp>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "federate/coordinator.hpp"
#include "federate/messages.hpp"
#include "job/bytes.hpp"
#include "lane/job_types.hpp"
#include "record/audit_log.hpp"
#include "record/records.hpp"

namespace afu::federate {

namespace detail {
inline job::Bytes bytes_of(const ParametersPtr& p) { return model::to_bytes(p); }
inline job::Bytes bytes_of(const JobPtr& p) { return p ? job::to_bytes(*p) : job::Bytes{}; }
template <class T>
job::Bytes bytes_of(const std::shared_ptr<const T>& p) {
  return job::to_bytes(p);
}
inline void take_bytes(const job::Bytes& bytes, ParametersPtr& p) { p = model::from_bytes(bytes); }
inline void take_bytes(const job::Bytes& bytes, JobPtr& p) {
  p = bytes.empty() ? nullptr
                    : std::make_shared<const job::Job>(job::job_from_bytes(bytes, lane::job_types()));
}
template <class T>
void take_bytes(const job::Bytes& bytes, std::shared_ptr<const T>& p) {
  job::from_bytes(bytes, p);
}

template <class Inspector, class Pointer>
job::Bytes payload(const Pointer& p) {
  if constexpr (Inspector::reads_state)
    return bytes_of(p);
  else
    return static_cast<void>(p), job::Bytes{};
}
template <class Pointer>
caf::error unpack(const job::Bytes& bytes, Pointer& p) {
  try {
    take_bytes(bytes, p);
    return caf::none;
  } catch (const std::exception& e) {
    return caf::make_error(caf::sec::runtime_error, std::string{e.what()});
  }
}
}  // namespace detail

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, TrainTask& x) {
  auto bytes = detail::payload<Inspector>(x.model);
  auto extras = detail::payload<Inspector>(x.extras);
  auto auxiliary = detail::payload<Inspector>(x.auxiliary);
  auto load = [&]() -> caf::error {
    if (auto e = detail::unpack(bytes, x.model)) return e;
    if (auto e = detail::unpack(extras, x.extras)) return e;
    return detail::unpack(auxiliary, x.auxiliary);
  };
  return f(caf::meta::type_name("train_task"), x.job, x.version, x.epoch, x.honours, bytes, extras, auxiliary,
           x.lr_factor, caf::meta::load_callback(load));
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, JobDone& x) {
  return f(caf::meta::type_name("job_done"), x.job, x.began, x.lost);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Update& x) {
  auto bytes = detail::payload<Inspector>(x.delta);
  auto auxiliary = detail::payload<Inspector>(x.auxiliary);
  std::vector<job::Bytes> parts;
  for (const auto& part : x.parts) parts.push_back(detail::payload<Inspector>(part));
  auto load = [&]() -> caf::error {
    if (auto e = detail::unpack(bytes, x.delta)) return e;
    x.parts.assign(parts.size(), nullptr);
    for (std::size_t i = 0; i < parts.size(); ++i)
      if (auto e = detail::unpack(parts[i], x.parts[i])) return e;
    return detail::unpack(auxiliary, x.auxiliary);
  };
  return f(caf::meta::type_name("update"), x.client, x.job, x.base_version, x.base_epoch, x.samples, x.passes,
           x.finite, x.shortened, bytes, auxiliary, parts, caf::meta::load_callback(load));
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Dropped& x) {
  return f(caf::meta::type_name("dropped"), x.client, x.job);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, EraseRequest& x) {
  return f(caf::meta::type_name("erase_request"), x.request);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, WorkDone& x) {
  return f(caf::meta::type_name("work_done"), x.work, x.began);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, CollectTask& x) {
  auto bytes = detail::payload<Inspector>(x.work);
  auto load = [&] { return detail::unpack(bytes, x.work); };
  return f(caf::meta::type_name("collect_task"), x.request, x.job, x.passes, x.version, bytes,
           caf::meta::load_callback(load));
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, EraseTask& x) {
  auto bytes = detail::payload<Inspector>(x.job);
  auto load = [&] { return detail::unpack(bytes, x.job); };
  return f(caf::meta::type_name("erase_task"), x.request, x.at_target, x.client, x.passes, x.version, bytes,
           caf::meta::load_callback(load));
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, CalibrateTask& x) {
  auto bytes = detail::payload<Inspector>(x.job);
  auto load = [&] { return detail::unpack(bytes, x.job); };
  return f(caf::meta::type_name("calibrate_task"), x.request, x.base_version, x.passes, x.probe, bytes,
           caf::meta::load_callback(load));
}

}  // namespace afu::federate

namespace afu::actors {

using federate::JobPtr;
using federate::ResultPtr;
using record::NodeId;

/// A participant's answer to one delivery: everything it posts in return, and, from the server, what it
/// decided.
struct Ack {
  NodeId from = 0;
  std::optional<std::uint64_t> timer{};  ///< its job or work whose end it answers; none: a message
  bool given_up = false;                 ///< the timer's result is not waited for any more
  std::vector<federate::Post> posts;
  std::vector<record::Decision> decisions;
  bool stop = false;
  bool gone = false;          ///< from a client: it will never be back, or never done
  std::uint64_t updates = 0;  ///< the server's count, for progress
  std::string waited_for{};   ///< from the server: whom a request waits for (federate/waiting.hpp)
};

/// A job for the lanes. `completes_at` orders jobs; it is the simulated time at which the result is needed.
struct Submission {
  std::uint64_t id = 0;
  double completes_at = 0;
  std::string name;
  JobPtr job;
  bool shared = false;  ///< its result may be taken from, and goes to, the cache of shared pasts
};

/// What a lane is given at a time: one job, or training jobs that it steps together.
using Assignment = std::shared_ptr<const std::vector<Submission>>;
inline Assignment assignment(std::vector<Submission> jobs) {
  return std::make_shared<const std::vector<Submission>>(std::move(jobs));
}

/// A lane's results of one assignment, by job number. Null: its node is gone; the lane is free again when it has sent one without results.
struct Finished {
  std::uint32_t lane = 0;
  std::vector<std::pair<std::uint64_t, ResultPtr>> results;
  record::LaneSpan span;
};

/// Log entries in order: events and decisions.
using LogEntry = std::variant<record::Event, record::Decision>;
using LogBatch = std::shared_ptr<const std::vector<LogEntry>>;

/// How the timeline ended.
struct TimelineEnd {
  double now = 0;
  bool starved = false;  ///< no event was left before a [stop] condition was met
  std::uint64_t events = 0, messages = 0, bytes = 0;
  struct Gone {
    NodeId client = 0;
    double since = 0;
  };
  std::vector<Gone> gone{};        ///< clients that will never be back, or never done: the first ones
  std::uint64_t gone_count = 0;    ///< of all
  std::optional<double> beyond{};  ///< the next event would be then, where the clock is not exact any more
};

/// How far a run has come.
struct Progress {
  std::uint64_t updates = 0;
  double now = 0;
  std::string waited_for{};  ///< by a request, in words; empty: nobody is
};

/// All that a run leaves behind, for the launcher.
struct RunReport {
  federate::Outcome outcome;
  TimelineEnd timeline;
  bool has_outcome = false, has_end = false;  ///< the server, the timeline have told
  std::vector<record::MetricsRow> rows;
  record::MetricsRow before, final;
  bool has_before = false, has_final = false;
  std::map<std::uint32_t, record::MetricsRow> found;  ///< the version that each request found
  std::vector<record::AttackRow> attacks;
  /// The models at the points of attack, by name; empty where they are not kept.
  std::vector<std::pair<std::string, federate::ParametersPtr>> snapshots;
  std::uint64_t joined = 0, late = 0;  ///< jobs waited for; those not ready in time
  struct Replaced {
    std::string client, why;
  };
  std::vector<Replaced> replaced;  ///< clients whose actors died and were replaced, and of what
  std::string failure;             ///< empty: none
  bool interrupted = false;
};

struct Directory;
using DirectoryPtr = std::shared_ptr<const Directory>;
using EvaluationPtr = std::shared_ptr<const federate::Evaluation>;
using OutcomePtr = std::shared_ptr<const federate::Outcome>;
using ReportPtr = std::shared_ptr<const RunReport>;

}  // namespace afu::actors

CAF_BEGIN_TYPE_ID_BLOCK(afu, caf::first_custom_type_id)
CAF_ADD_TYPE_ID(afu, (afu::federate::TrainTask))
CAF_ADD_TYPE_ID(afu, (afu::federate::JobDone))
CAF_ADD_TYPE_ID(afu, (afu::federate::Update))
CAF_ADD_TYPE_ID(afu, (afu::federate::Dropped))
CAF_ADD_TYPE_ID(afu, (afu::federate::EraseRequest))
CAF_ADD_TYPE_ID(afu, (afu::federate::WorkDone))
CAF_ADD_TYPE_ID(afu, (afu::federate::CollectTask))
CAF_ADD_TYPE_ID(afu, (afu::federate::EraseTask))
CAF_ADD_TYPE_ID(afu, (afu::federate::CalibrateTask))
CAF_ADD_ATOM(afu, afu::atom, start, "start")
CAF_ADD_ATOM(afu, afu::atom, halt, "halt")
CAF_ADD_ATOM(afu, afu::atom, due, "due")
CAF_ADD_ATOM(afu, afu::atom, replaced, "replaced")
CAF_ADD_ATOM(afu, afu::atom, join, "join")
CAF_ADD_ATOM(afu, afu::atom, joined, "joined")
CAF_ADD_ATOM(afu, afu::atom, cancel, "cancel")
CAF_ADD_ATOM(afu, afu::atom, measure, "measure")
CAF_ADD_ATOM(afu, afu::atom, drain, "drain")
CAF_ADD_ATOM(afu, afu::atom, report, "report")
CAF_ADD_ATOM(afu, afu::atom, failed, "failed")
CAF_ADD_ATOM(afu, afu::atom, crash, "crash")
CAF_ADD_ATOM(afu, afu::atom, close, "close")
CAF_ADD_ATOM(afu, afu::atom, closed, "closed")
CAF_ADD_ATOM(afu, afu::atom, force, "force")
CAF_ADD_ATOM(afu, afu::atom, flush, "flush")
CAF_ADD_ATOM(afu, afu::atom, checkpoint, "checkpoint")
CAF_ADD_ATOM(afu, afu::atom, replayed, "replayed")
CAF_END_TYPE_ID_BLOCK(afu)

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(afu::federate::CollectResult)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(afu::federate::EraseResult)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(afu::federate::CalibrateResult)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(afu::actors::Ack)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(afu::actors::Submission)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(afu::actors::Assignment)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(afu::actors::Finished)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(afu::actors::ResultPtr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(afu::actors::JobPtr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(afu::actors::LogBatch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(afu::actors::TimelineEnd)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(afu::actors::Progress)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(afu::actors::DirectoryPtr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(afu::actors::EvaluationPtr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(afu::actors::OutcomePtr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(afu::actors::ReportPtr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(afu::record::MetricsRow)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(afu::record::AttackRow)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(afu::record::CalibrationRecord)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(afu::record::LaneSpan)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(afu::record::AuditJob)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(afu::federate::AuditedUpdate)
