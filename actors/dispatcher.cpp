#include <algorithm>
#include <caf/all.hpp>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "actors/behaviour.hpp"
#include "actors/spawn.hpp"
#include "sim/free_lanes.hpp"
#include "sim/job_queue.hpp"
#include "train/together.hpp"
#include "train/train_job.hpp"

namespace afu::actors {
namespace {

/// Which job runs next, and on which lane.
struct DispatcherState {
  static inline const char* name = "dispatcher";
  ContextPtr context;
  std::vector<lane_actor> lanes;
  std::size_t batched_clients = 1;  ///< so many clients at most a lane steps together
  std::unique_ptr<sim::FreeLanes> free;
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
  bool draining = false;
};
using Self = dispatcher_actor::stateful_pointer<DispatcherState>;

/// A result that comes so much after it was needed, in real seconds, counts as late: less is the scheduler's
/// own jitter.
constexpr double late_after = 0.002;

/// Of a run on the wall clock that goes on, what takes place again was counted before.
bool counts(const DispatcherState& st) {
  return !st.context->checkpoint || !st.context->checkpoint->replays();
}

void keep_counts(const DispatcherState& st) {
  if (st.context->wall() && st.context->checkpoint) st.context->checkpoint->waited(st.joined, st.late);
}

/// The job's training, where lanes may step it with others; else null. What comes from a cache does not.
const train::TrainJob* batched(const Submission& s) {
  const auto* train = s.shared ? nullptr : s.job->as<train::TrainJob>();
  return train && train::may_be_batched(*train) ? train : nullptr;
}

/// What the next free lane gets; empty: nothing yet. Where lanes step clients together, on the virtual clock,
/// training waits until all free lanes can be filled, or somebody waits: more clients may start meanwhile,
/// and nothing is late. Then what is queued is spread over the free lanes.
std::vector<Submission> take(DispatcherState& st) {
  std::vector<Submission> taken;
  const auto submission = [&](std::uint64_t id) -> const Submission& { return st.jobs.at(id).submission; };
  auto front = st.queue->front();
  if (!front) return taken;
  std::size_t most = 1;
  const auto* first = st.batched_clients > 1 ? batched(submission(*front)) : nullptr;
  if (first) {
    const auto queued = st.queue->queued(), lanes = st.free->count();
    if (!st.context->wall() && !st.draining && !st.queue->urgent() && queued < st.batched_clients * lanes)
      return taken;
    most = std::min(st.batched_clients, (queued - 1) / lanes + 1);
  }
  taken.push_back(submission(*st.queue->next()));
  while (taken.size() < most && (front = st.queue->front())) {
    const auto* other = batched(submission(*front));
    if (!other || !train::fit_together(*first, *other)) break;
    taken.push_back(submission(*st.queue->next()));
  }
  return taken;
}

void assign(Self self) {
  auto& st = self->state;
  while (st.free->count() > 0) {
    auto jobs = take(st);
    if (jobs.empty()) return;
    self->send(st.lanes[*st.free->take()], assignment(std::move(jobs)),
               caf::actor_cast<dispatcher_or_server>(self));
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
  if (now && counts(st)) {
    ++st.joined;
    i->second.joined_at = st.context->elapsed();
    keep_counts(st);
  }
  if (i->second.result)
    give(self, id, i->second);
  else if (now)
    st.queue->urge(id);
  assign(self);
}

void finished(Self self, const Finished& f) {
  auto& st = self->state;
  if (const auto lost = [](const auto& r) { return !r.second; };
      std::none_of(f.results.begin(), f.results.end(), lost))
    st.free->freed(f.lane);
  if (st.recorder && !f.results.empty()) self->send(st.recorder, f.span);
  for (const auto& [id, result] : f.results) {
    if (!result) {
      st.queue->given_back(id);
      continue;
    }
    st.queue->finished(id);
    auto i = st.jobs.find(id);
    if (i == st.jobs.end()) continue;
    i->second.result = result;
    i->second.submission.job.reset();
    if (i->second.joined_at >= 0 && st.context->elapsed() - i->second.joined_at > late_after) {
      ++st.late;
      keep_counts(st);
    }
    if (i->second.owner) give(self, id, i->second);
  }
  assign(self);
}

dispatcher_actor::behavior_type dispatcher(Self self, ContextPtr context, std::vector<lane_actor> lanes,
                                           recorder_actor recorder, federation_actor federation) {
  auto& st = self->state;
  st.queue = std::make_unique<sim::JobQueue>(std::max<std::size_t>(1, context->lookahead));
  auto groups = context->lane_groups;
  if (const auto all = static_cast<std::uint32_t>(lanes.size()); groups.empty() && all > 0)
    groups.push_back({all, all});
  st.free = std::make_unique<sim::FreeLanes>(groups);
  if (!lanes.empty()) st.batched_clients = static_cast<std::size_t>(context->lanes.front().batched_clients);
  if (context->wall() && context->checkpoint) std::tie(st.joined, st.late) = context->checkpoint->waited();
  st.context = std::move(context);
  st.lanes = std::move(lanes);
  st.recorder = std::move(recorder);
  st.federation = std::move(federation);
  return behaviour_of<dispatcher_actor>(
      self, DispatcherState::name,
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
        st.draining = true;
        for (auto i = st.jobs.begin(); i != st.jobs.end();) {
          const bool wanted = static_cast<bool>(i->second.owner);
          if (!wanted) st.queue->cancel(i->first);
          i = wanted ? std::next(i) : st.jobs.erase(i);
        }
        assign(self);
      },
      [=](atom::report) {
        self->send(self->state.federation, atom::report_v, self->state.joined, self->state.late);
      });
}

}  // namespace

dispatcher_actor spawn_dispatcher(caf::actor_system& sys, ContextPtr context, std::vector<lane_actor> lanes,
                                  recorder_actor recorder, federation_actor federation) {
  return sys.spawn(dispatcher, std::move(context), std::move(lanes), std::move(recorder),
                   std::move(federation));
}

}  // namespace afu::actors
