#include <fmt/format.h>

#include <algorithm>
#include <caf/all.hpp>
#include <chrono>
#include <cmath>
#include <unordered_set>
#include <utility>

#include "actors/spawn.hpp"
#include "config/scenario.hpp"
#include "sim/event_queue.hpp"
#include "sim/horizon.hpp"
#include "sim/links.hpp"

namespace afu::actors {
namespace {

constexpr std::size_t log_batch = 1024;
constexpr std::uint64_t updates_between_progress = 1;
constexpr auto log_age = std::chrono::seconds(1);  ///< most before the recorder has what was logged
/// Most events at one time of the virtual clock: far above what any federation has that gets on.
constexpr std::uint64_t most_at_once(std::uint64_t clients) { return 100'000 + 16 * clients; }
/// Posts that go ahead of all else at their time take the sequence numbers below this.
constexpr std::uint64_t first_ordinary = std::uint64_t{1} << 32;
constexpr std::size_t most_gone = 5;  ///< clients gone for good that are named

struct Pending {
  double sent = 0;
  federate::Post post;
};

/// The clock. Virtual: one event at a time, the next after the acknowledgement. Wall: each event when its
/// time has come.
struct TimelineState {
  static inline const char* name = "timeline";
  ContextPtr context;
  recorder_actor recorder;
  federation_actor federation;
  DirectoryPtr directory;
  std::vector<client_actor> replacements;  ///< by client where its actor died; empty while none did
  std::unique_ptr<sim::Links> network;
  sim::EventQueue<Pending> queue;
  std::shared_ptr<std::vector<LogEntry>> log;
  std::vector<std::uint32_t> sent_up, sent_down;  ///< message numbers, by client
  double now = 0, stop_seconds = 0;
  std::uint64_t outstanding = 0;  ///< deliveries not acknowledged yet
  NodeId awaited = 0;             ///< virtual clock: whose acknowledgement
  std::uint64_t generation = 0, events = 0, updates = 0;
  std::uint64_t at_once = 0;        ///< events delivered at `now`
  std::uint64_t ahead = 0;          ///< posts so far that went ahead
  std::unordered_set<NodeId> gone;  ///< clients that will never be back, or never done
  TimelineEnd last;                 ///< what is to be told at the end
  bool wall = false, logging = false, ended = false, stopping = false, stuck = false;
  bool flush_due = false;
  double time_scale = 1;
  std::chrono::steady_clock::time_point began;
};
using Self = timeline_actor::stateful_pointer<TimelineState>;

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

void flush(Self self) {
  auto& st = self->state;
  if (!st.logging || st.log->empty()) return;
  self->send(st.recorder, LogBatch{std::move(st.log)});
  st.log = std::make_shared<std::vector<LogEntry>>();
  st.log->reserve(log_batch);
}

void note(Self self, LogEntry entry) {
  auto& st = self->state;
  if (!st.logging) return;
  st.log->push_back(std::move(entry));
  if (st.log->size() >= log_batch) return flush(self);
  if (!std::exchange(st.flush_due, true)) self->delayed_send(self, log_age, atom::flush_v);
}

double clock(const TimelineState& st) {
  if (!st.wall) return st.now;
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - st.began).count() / st.time_scale;
}

void end(Self self, bool starved) {
  auto& st = self->state;
  if (st.ended) return;
  st.ended = true;
  flush(self);
  const auto totals = st.network->totals();
  st.last.now = st.now;
  st.last.starved = starved;
  st.last.events = st.events;
  st.last.messages = totals.messages;
  st.last.bytes = totals.bytes;
  self->send(st.federation, st.last);
}

/// Puts a post into the queue, at the time its link delivers it.
void accept(TimelineState& st, federate::Post post) {
  const double departs = std::max(post.at, st.now);
  double arrives = departs;
  if (post.link >= 0) {
    auto& numbers = post.uplink ? st.sent_up : st.sent_down;
    const auto client = static_cast<std::size_t>(post.link);
    arrives = st.network->send(departs, post.uplink, post.link, post.bytes, numbers[client]++).time;
  }
  if (post.first)
    st.queue.restore(arrives, st.ahead++, Pending{departs, std::move(post)});
  else
    st.queue.push(arrives, Pending{departs, std::move(post)});
}

const client_actor& client(const TimelineState& st, NodeId node) {
  const auto i = node - record::first_client_node;
  if (!st.replacements.empty() && st.replacements[i]) return st.replacements[i];
  return st.directory->clients[i];
}

void deliver(Self self, sim::EventQueue<Pending>::Event event) {
  auto& st = self->state;
  ++st.events;
  ++st.outstanding;
  auto& post = event.payload.post;
  st.awaited = post.to;
  note(self, federate::to_event(post, event.payload.sent, st.now));
  const double now = st.now;
  const auto to = post.to;
  std::visit(Overloaded{
                 [&](federate::TrainTask& m) { self->send(client(st, to), now, std::move(m)); },
                 [&](federate::JobDone& m) { self->send(client(st, to), now, m); },
                 [&](federate::CollectTask& m) { self->send(client(st, to), now, std::move(m)); },
                 [&](federate::EraseTask& m) { self->send(st.directory->unlearner, now, std::move(m)); },
                 [&](federate::CalibrateTask& m) { self->send(st.directory->calibrator, now, std::move(m)); },
                 [&](federate::WorkDone& m) {
                   if (to == record::unlearner_node)
                     self->send(st.directory->unlearner, now, m);
                   else
                     self->send(st.directory->calibrator, now, m);
                 },
                 [&](auto& m) { self->send(st.directory->server, now, std::move(m)); },
             },
             post.payload);
}

/// With a million clients the next addressee is in no cache: its first lines are asked for while the answer
/// of the one before it is taken.
void prefetch_next(const TimelineState& st) {
  if (st.queue.empty() || st.wall) return;
  const auto to = st.queue.top().post.to;
  if (to < record::first_client_node) return;
  const auto* actor =
      reinterpret_cast<const char*>(caf::actor_cast<caf::actor_control_block*>(client(st, to)));
  for (int line = 0; line < 10; ++line) __builtin_prefetch(actor + 64 * line, 1);
}

/// Whether the event at `next` may be delivered. A clock that does not go on would do so for ever: jobs and
/// messages that take no time, or so little that adding it to the time changes nothing.
bool gets_on(Self self, double next) {
  auto& st = self->state;
  if (next > st.now) st.at_once = 0;
  if (++st.at_once <= most_at_once(st.directory->clients.size())) return true;
  if (std::exchange(st.stuck, true)) return false;
  const auto& post = st.queue.top().post;
  self->send(
      st.federation, atom::failed_v,
      fmt::format("the clock does not go on: {} events at {} s, the next is {} from {} to {}; a client's "
                  "job and its messages must take longer",
                  st.at_once - 1, st.now, record::to_string(federate::event_type(post)),
                  record::node_name(post.from), record::node_name(post.to)));
  return false;
}

/// Hands out what is due; arms the wall clock's timer for what is not.
void proceed(Self self) {
  auto& st = self->state;
  if (st.ended) return;
  if (st.stopping) return end(self, false);
  if (!st.wall && st.outstanding > 0) return;
  for (;;) {
    if (st.queue.empty()) {
      if (st.outstanding == 0) end(self, true);
      return;
    }
    const double next = st.queue.top_time();
    if (st.stop_seconds > 0 && next > st.stop_seconds) {
      if (st.wall && clock(st) < st.stop_seconds) break;
      st.now = st.stop_seconds;
      return end(self, false);
    }
    if (next > sim::horizon_seconds) {
      if (st.outstanding > 0) return;  // wall clock: what is being computed may still bring an earlier one
      if (std::isfinite(next)) st.last.beyond = next;
      return end(self, true);
    }
    if (!st.wall) {
      if (!gets_on(self, next)) return;
      st.now = next;
      deliver(self, st.queue.pop());
      return st.queue.prefetch_top();
    }
    const double time = clock(st);
    if (next > time) break;
    st.now = std::max(st.now, time);
    deliver(self, st.queue.pop());
  }
  double wait = st.queue.top_time() - clock(st);
  if (st.stop_seconds > 0) wait = std::min(wait, st.stop_seconds - clock(st));
  self->delayed_send(self, sim::bounded_wait(wait, st.time_scale), atom::due_v, ++st.generation);
}

void acknowledged(Self self, Ack& ack) {
  auto& st = self->state;
  if (st.ended) return;
  prefetch_next(st);
  if (st.outstanding > 0) --st.outstanding;
  if (st.wall) st.now = std::max(st.now, clock(st));
  if (ack.gone && st.gone.insert(ack.from).second) {
    st.last.gone_count = st.gone.size();
    if (st.last.gone.size() < most_gone) st.last.gone.push_back({ack.from, st.now});
  }
  for (auto& d : ack.decisions) note(self, d);
  for (auto& p : ack.posts) accept(st, std::move(p));
  if (ack.from == record::server_node && ack.updates >= st.updates + updates_between_progress) {
    st.updates = ack.updates;
    if (!st.context->timing() || st.updates % 4096 == 0)
      self->send(st.federation, Progress{st.updates, st.now});
  } else if (ack.from == record::server_node) {
    st.updates = ack.updates;
  }
  if (ack.stop) st.stopping = true;
  proceed(self);
}

timeline_actor::behavior_type timeline(Self self, ContextPtr context, recorder_actor recorder,
                                       federation_actor federation) {
  auto& st = self->state;
  const auto& s = *context->scenario;
  st.wall = context->wall();
  st.time_scale = s.scenario.time_scale;
  st.stop_seconds = s.stop.seconds;
  st.logging = !context->events_file.empty() || !context->trace_file.empty();
  st.log = std::make_shared<std::vector<LogEntry>>();
  st.network =
      std::make_unique<sim::Links>(*context->profiles, s.heterogeneity.network, s.scenario.seed, s.file);
  st.sent_up.resize(context->setup.samples.size());
  st.sent_down.resize(context->setup.samples.size());
  st.context = std::move(context);
  st.recorder = std::move(recorder);
  st.federation = std::move(federation);
  return {
      [=](atom::start, const DirectoryPtr& directory) {
        auto& st = self->state;
        st.directory = directory;
        st.began = std::chrono::steady_clock::now();
        st.queue.reserve(directory->clients.size() + 16);
        st.queue.set_next_sequence(first_ordinary);
        ++st.outstanding;
        st.awaited = record::server_node;
        self->send(st.directory->server, 0.0, atom::start_v);
      },
      [=](Ack& ack) { acknowledged(self, ack); },
      [=](atom::due, std::uint64_t generation) {
        if (generation == self->state.generation) proceed(self);
      },
      [=](atom::replaced, NodeId node, const client_actor& replacement) {
        auto& st = self->state;
        st.replacements.resize(st.directory->clients.size());
        const auto number = node - record::first_client_node;
        st.replacements[number] = replacement;
        // The server learns from the client's own restart that its job is lost.
        accept(st, {node, record::server_node, 0, number, true, 64, federate::Dropped{number, 0}});
        if (st.outstanding > 0 && (st.wall || st.awaited == node)) --st.outstanding;
        proceed(self);
      },
      [=](atom::halt) { end(self, false); },
      [=](atom::flush) {
        self->state.flush_due = false;
        flush(self);
      },
  };
}

}  // namespace

timeline_actor spawn_timeline(caf::actor_system& sys, ContextPtr context, recorder_actor recorder,
                              federation_actor federation) {
  return sys.spawn(timeline, std::move(context), std::move(recorder), std::move(federation));
}

}  // namespace afu::actors
