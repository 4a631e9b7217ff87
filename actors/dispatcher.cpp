#include <caf/all.hpp>
#include <unordered_map>
#include <utility>

#include "actors/spawn.hpp"
#include "sim/job_queue.hpp"

namespace afu::actors {
namespace {

/// Which job runs next, and on which lane.
struct DispatcherState {
  static inline const char* name = "dispatcher";
  ContextPtr context;
  std::vector<lane_actor> lanes;
  std::vector<std::uint32_t> free;
  recorder_actor recorder;
  federation_actor federation;
  std::unique_ptr<sim::JobQueue> queue;
  struct Job {
    Submission submission;
    ResultPtr result;
    job_owner_actor owner;  ///< who has joined; null: nobody yet
    double joined_at = -1;  ///< real time
  };
  std::unordered_map<std::uint64_t, Job> jobs;
  std::uint64_t sequence = 0, joined = 0, late = 0;
};
using Self = dispatcher_actor::stateful_pointer<DispatcherState>;

/// A result that comes so much after it was needed, in real seconds, counts as late: less is the scheduler's
/// own jitter.
constexpr double late_after = 0.002;

void assign(Self self) {
  auto& st = self->state;
  while (!st.free.empty()) {
    const auto id = st.queue->next();
    if (!id) return;
    const auto lane = st.free.back();
    st.free.pop_back();
    const auto& s = st.jobs.at(*id).submission;
    self->send(st.lanes[lane], *id, s.name, s.job, s.shared, caf::actor_cast<dispatcher_or_server>(self));
  }
}

void give(Self self, std::uint64_t id, DispatcherState::Job& job) {
  auto& st = self->state;
  self->send(job.owner, atom::joined_v, id, job.result);
  st.queue->joined(id);
  st.jobs.erase(id);
}

void join(Self self, std::uint64_t id, const job_owner_actor& owner, bool now) {
  auto& st = self->state;
  auto i = st.jobs.find(id);
  if (i == st.jobs.end()) return;
  i->second.owner = owner;
  if (now) {
    ++st.joined;
    i->second.joined_at = st.context->elapsed();
  }
  if (i->second.result)
    give(self, id, i->second);
  else if (now)
    st.queue->urge(id);
  assign(self);
}

void finished(Self self, const Finished& f) {
  auto& st = self->state;
  st.free.push_back(f.lane);
  if (st.recorder) self->send(st.recorder, f.span);
  st.queue->finished(f.id);
  if (auto i = st.jobs.find(f.id); i != st.jobs.end()) {
    i->second.result = f.result;
    i->second.submission.job.reset();
    if (i->second.joined_at >= 0 && st.context->elapsed() - i->second.joined_at > late_after) ++st.late;
    if (i->second.owner) give(self, f.id, i->second);
  }
  assign(self);
}

dispatcher_actor::behavior_type dispatcher(Self self, ContextPtr context, std::vector<lane_actor> lanes,
                                           recorder_actor recorder, federation_actor federation) {
  auto& st = self->state;
  st.queue = std::make_unique<sim::JobQueue>(std::max<std::size_t>(1, context->lookahead));
  for (std::uint32_t i = 0; i < lanes.size(); ++i)
    st.free.push_back(static_cast<std::uint32_t>(lanes.size()) - 1 - i);
  st.context = std::move(context);
  st.lanes = std::move(lanes);
  st.recorder = std::move(recorder);
  st.federation = std::move(federation);
  return {
      [=](const Submission& s) {
        auto& st = self->state;
        st.queue->push(s.id, s.completes_at, st.sequence++);
        st.jobs[s.id].submission = s;
        assign(self);
      },
      [=](atom::join, std::uint64_t id, const job_owner_actor& owner, bool now) {
        join(self, id, owner, now);
      },
      [=](atom::cancel, std::uint64_t id) {
        auto& st = self->state;
        if (st.jobs.erase(id) > 0) st.queue->cancel(id);
        assign(self);
      },
      [=](const Finished& f) { finished(self, f); },
      [=](atom::drain) {  // finished results that nobody takes would fill the look-ahead for good
        auto& st = self->state;
        for (auto i = st.jobs.begin(); i != st.jobs.end();) {
          const bool wanted = static_cast<bool>(i->second.owner);
          if (!wanted) st.queue->cancel(i->first);
          i = wanted ? std::next(i) : st.jobs.erase(i);
        }
        assign(self);
      },
      [=](atom::report) {
        self->send(self->state.federation, atom::report_v, self->state.joined, self->state.late);
      },
  };
}

}  // namespace

dispatcher_actor spawn_dispatcher(caf::actor_system& sys, ContextPtr context, std::vector<lane_actor> lanes,
                                  recorder_actor recorder, federation_actor federation) {
  return sys.spawn(dispatcher, std::move(context), std::move(lanes), std::move(recorder),
                   std::move(federation));
}

}  // namespace afu::actors
