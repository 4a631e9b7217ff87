#include <fmt/format.h>

#include <algorithm>
#include <caf/all.hpp>
#include <cmath>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "actors/addressees.hpp"
#include "actors/behaviour.hpp"
#include "actors/journal.hpp"
#include "actors/replay.hpp"
#include "actors/spawn.hpp"
#include "actors/timeline_parts.hpp"
#include "actors/traffic.hpp"
#include "config/scenario.hpp"
#include "sim/horizon.hpp"

namespace afu::actors {
namespace {

/// Most events at one time of the virtual clock: far above what any federation has that gets on.
constexpr std::uint64_t most_at_once(std::uint64_t clients) { return 100'000 + 16 * clients; }

/// The clock. Virtual: one event at a time, the next after the acknowledgement. Wall: each event when its
/// time has come.
struct TimelineState {
  static inline const char* name = "timeline";
  ContextPtr context;
  federation_actor federation;
  Addressees addressees;
  std::optional<Traffic> traffic;
  Journal journal;
  std::optional<WallClock> wall;      ///< none: virtual
  std::optional<Replay> replay;       ///< wall clock: of a run that goes on, until it is where it was
  lane::Checkpoint* steps = nullptr;  ///< wall clock: which keeps them; null: nobody
  Deaths deaths;                      ///< virtual clock: of a run that goes on
  recorder_actor recorder;
  double now = 0;
  Deliveries deliveries;
  Ending ending;
  std::uint64_t updates = 0;  ///< the server's count
  std::string waited_for;     ///< as the server said last

  TimelineState() = default;
  TimelineState(const TimelineState&) = delete;
  TimelineState& operator=(const TimelineState&) = delete;
  ~TimelineState() {
    if (context && traffic && !ending.ended) context->remains->leave(how(false));
  }
  /// How the run ends, where it ends now.
  TimelineEnd how(bool starved) const {
    auto told = ending.told;
    const auto totals = traffic->totals();
    told.now = now;
    told.starved = starved;
    told.events = deliveries.count;
    told.messages = totals.messages;
    told.bytes = totals.bytes;
    return told;
  }
};
using Self = timeline_actor::stateful_pointer<TimelineState>;

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

double stop_seconds(const TimelineState& st) { return st.context->scenario->stop.seconds; }

void end(Self self, bool starved) {
  auto& st = self->state;
  if (std::exchange(st.ending.ended, true)) return;
  st.journal.flush(self);
  const auto told = st.how(starved);
  st.context->remains->leave(told);
  self->send(st.federation, told);
}

/// What becomes of an event: it is handed out; it is not, since its addressee gives it up, or is dead.
enum class Handing { out, given_up, to_the_dead };

/// The next event, at st.now. Of a timer that its client gives up the answer only.
void deliver(Self self, Handing handing = Handing::out) {
  auto& st = self->state;
  auto event = st.traffic->take();
  auto& post = event.payload.post;
  const double now = st.now;
  const auto to = post.to;
  ++st.deliveries.count;
  st.deliveries.begin(to);
  st.journal.note(self, federate::to_event(post, event.payload.sent, now));
  if (handing == Handing::to_the_dead) return;
  if (handing == Handing::given_up) {
    Ack ack;
    ack.from = to;
    ack.timer = std::get<federate::JobDone>(post.payload).job;
    ack.given_up = true;
    return st.replay->arrived(std::move(ack));
  }
  const auto& all = st.addressees;
  std::visit(
      Overloaded{
          [&](federate::TrainTask& m) { self->send(all.client(to), now, std::move(m)); },
          [&](federate::JobDone& m) { self->send(all.client(to), now, m); },
          [&](federate::CollectTask& m) { self->send(all.client(to), now, std::move(m)); },
          [&](federate::EraseTask& m) { self->send(all.directory->unlearner, now, std::move(m)); },
          [&](federate::CalibrateTask& m) { self->send(all.directory->calibrator, now, std::move(m)); },
          [&](federate::WorkDone& m) {
            if (to == record::unlearner_node)
              self->send(all.directory->unlearner, now, m);
            else
              self->send(all.directory->calibrator, now, m);
          },
          [&](auto& m) { self->send(all.directory->server, now, std::move(m)); },
      },
      post.payload);
}

/// Whether the event at `next` may be delivered. A clock that does not go on would do so for ever: jobs and
/// messages that take no time, or so little that adding it to the time changes nothing.
bool gets_on(Self self, double next) {
  auto& st = self->state;
  auto& at_once = st.deliveries.at_once;
  if (next > st.now) at_once = 0;
  if (++at_once <= most_at_once(st.addressees.directory->clients.size())) return true;
  if (std::exchange(st.ending.stuck, true)) return false;
  const auto& post = st.traffic->next();
  self->send(
      st.federation, atom::failed_v,
      fmt::format("the clock does not go on: {} events at {} s, the next is {} from {} to {}; a client's "
                  "job and its messages must take longer",
                  at_once - 1, st.now, record::to_string(federate::event_type(post)),
                  record::node_name(post.from), record::node_name(post.to)));
  return false;
}

/// Seconds on the run's clock.
double clock(Self self) {
  const auto& st = self->state;
  return st.wall ? st.wall->seconds(self->clock().now()) : st.now;
}

/// Wall clock: the run ends.
void note(Self self, lane::ClockStep::Kind how) {
  auto& st = self->state;
  if (st.steps && !st.replay) st.steps->note({st.now, how, record::server_node, 0});
}

/// Nothing is left, or not before the clock's horizon.
void starve(Self self) {
  auto& st = self->state;
  if (!st.traffic->empty() && std::isfinite(st.traffic->next_time()))
    st.ending.told.beyond = st.traffic->next_time();
  note(self, lane::ClockStep::Kind::starved);
  end(self, true);
}

/// Whether, at `time`, the run is over before the event at `next` can come; it is then ended, as far as it can be.
bool is_over(Self self, double time, double next) {
  auto& st = self->state;
  const double stop = stop_seconds(st);
  if (stop > 0 && next > stop && (!st.wall || time >= stop)) {
    st.now = stop;
    note(self, lane::ClockStep::Kind::over);
    end(self, false);
    return true;
  }
  if (next <= sim::horizon_seconds || (stop > 0 && next > stop)) return false;
  if (st.deliveries.outstanding > 0) return true;  // wall clock: they may still bring an earlier one
  starve(self);
  return true;
}

/// Virtual clock. Whether a client's actor is to die before the next event, as it did before the run was stopped. The federation
/// sees to it, and `replace` goes on.
bool dies_first(Self self, std::uint64_t number) {
  auto& st = self->state;
  if (const auto* death = st.deaths.due(number))
    self->send(st.federation, atom::crash_v, static_cast<NodeId>(death->node), death->why);
  return st.deaths.under_way();
}

/// Virtual clock: on to the next event.
void jump(Self self, double next) {
  auto& st = self->state;
  if (dies_first(self, st.deliveries.count + 1)) return;
  if (!gets_on(self, next)) return;
  st.now = next;
  deliver(self);
  st.traffic->prefetch();
}

/// Wall clock: the timer for the next event.
void wait_for(Self self, double next) {
  auto& st = self->state;
  const double stop = stop_seconds(st);
  double wait = next - clock(self);
  if (stop > 0) wait = std::min(wait, stop - clock(self));
  self->delayed_send(self, sim::bounded_wait(wait, st.wall->time_scale), atom::due_v, ++st.wall->generation);
}

/// Hands out what is due; arms the wall clock's timer for what is not.
void proceed(Self self) {
  auto& st = self->state;
  if (st.replay) return;
  if (st.ending.ended || (!st.wall && st.deliveries.outstanding > 0)) return;
  while (!st.traffic->empty()) {
    const double next = st.traffic->next_time();
    const double time = clock(self);
    if (is_over(self, time, next)) return;
    if (!st.wall) return jump(self, next);
    if (next > time) return wait_for(self, next);
    st.now = std::max(st.now, time);
    if (st.steps) st.steps->note(step_of(st.traffic->next(), st.now));  // before anything comes of it
    deliver(self);
  }
  if (st.deliveries.outstanding == 0) starve(self);
}

/// What `ack` brings, at st.now. False: the run is over.
bool take(Self self, Ack& ack) {
  auto& st = self->state;
  st.deliveries.end();
  if (ack.gone) st.ending.add_gone(ack.from, st.now);
  for (auto& d : ack.decisions) st.journal.note(self, d);
  for (auto& p : ack.posts) st.traffic->accept(st.now, std::move(p));
  if (ack.from == record::server_node) {
    const bool news = ack.updates > st.updates || ack.waited_for != st.waited_for;
    st.updates = ack.updates;
    st.waited_for = std::move(ack.waited_for);
    if (news && (!st.context->timing() || st.updates % 4096 == 0))
      self->send(st.federation, Progress{st.updates, st.now, st.waited_for});
  }
  if (ack.stop) end(self, false);
  return !ack.stop;
}

void replay(Self self);

void acknowledged(Self self, Ack& ack) {
  auto& st = self->state;
  if (st.ending.ended) return;
  if (st.replay) {
    st.replay->arrived(std::move(ack));
    return replay(self);
  }
  if (st.wall) st.now = std::max(st.now, clock(self));
  if (st.steps) st.steps->note(step_of(ack, st.now));
  if (take(self, ack)) proceed(self);
}

/// The run is where it was: from here on real time counts.
void go_live(Self self) {
  auto& st = self->state;
  auto left = st.replay->left();
  st.replay.reset();
  st.wall->set(self->clock().now(), st.now);
  st.journal.flush(self);
  if (st.recorder) self->send(st.recorder, atom::replayed_v);
  st.steps->is_there();
  for (auto& ack : left) acknowledged(self, ack);
  proceed(self);
}

[[noreturn]] void unfit(const lane::ClockStep& step, const std::string& has) {
  throw std::runtime_error(fmt::format("the checkpoint does not fit the run: at {} s, of {}, it has {}",
                                       step.time, record::node_name(static_cast<NodeId>(step.node)), has));
}

/// Has take place again what the next step is. False: it must wait for an answer.
bool repeat(Self self, const lane::ClockStep& step) {
  using Kind = lane::ClockStep::Kind;
  auto& st = self->state;
  const auto wait = [&] {
    if (st.deliveries.outstanding <= st.replay->unread()) unfit(step, "an answer that nobody owes");
    return false;
  };
  switch (step.kind) {
    case Kind::message:
    case Kind::timer: {
      if (st.replay->waits()) return wait();
      const auto* post = st.traffic->empty() ? nullptr : &st.traffic->next();
      const auto same = post ? step_of(*post, step.time) : lane::ClockStep{};
      if (!post || same.kind != step.kind || same.node != step.node || same.number != step.number)
        unfit(step, std::string("another event than ") +
                        (post ? record::to_string(federate::event_type(*post)) : "none"));
      st.now = step.time;
      const auto* done = std::get_if<federate::JobDone>(&post->payload);
      const bool given_up = done && !done->lost && st.replay->gives_up(step);
      if (step.kind == Kind::timer && !given_up) st.replay->await(step);
      deliver(self, given_up ? Handing::given_up : Handing::out);
      return true;
    }
    case Kind::answer:
    case Kind::timer_answer:
    case Kind::given_up: {
      auto ack = st.replay->answer(step);
      if (!ack) return wait();
      st.now = step.time;
      take(self, *ack);
      return true;
    }
    case Kind::over:
    case Kind::starved:
      st.now = step.time;
      step.kind == Kind::over ? end(self, false) : starve(self);
      return true;
    case Kind::died:
    case Kind::died_at_work:
      unfit(step, "a death, of the virtual clock");
  }
  return false;
}

/// As far as the answers that are there let it.
void replay(Self self) try {
  auto& st = self->state;
  while (!st.ending.ended) {
    if (st.replay->over()) return go_live(self);
    const auto step = st.replay->next();
    if (!repeat(self, step)) return;
    st.replay->advance();
  }
} catch (const std::runtime_error& e) {
  self->send(self->state.federation, atom::failed_v, std::string{e.what()});
}

void start(Self self) {
  auto& st = self->state;
  st.deliveries.begin(record::server_node);
  self->send(st.addressees.directory->server, 0.0, atom::start_v);
}

void begin(Self self, const DirectoryPtr& directory) {
  auto& st = self->state;
  st.addressees.directory = directory;
  if (st.wall) st.wall->set(self->clock().now(), 0);
  if (!dies_first(self, 0)) start(self);
}

/// The server learns from the client's own restart that its job is lost.
void lose_job(Self self, NodeId node) {
  auto& st = self->state;
  const auto number = node - record::first_client_node;
  st.traffic->accept(st.now, {node, record::server_node, 0, number, true, 64, federate::Dropped{number, 0}});
}

/// Virtual clock, of a run that goes on: a client's actor has died where it did before.
void died_again(Self self) {
  auto& st = self->state;
  st.deaths.happened();
  if (st.ending.ended) return;
  const bool begins = st.deliveries.count == 0 && st.deliveries.outstanding == 0 && st.traffic->empty();
  if (dies_first(self, begins ? 0 : st.deliveries.count + 1)) return;
  const auto met = st.deaths.met();
  const bool at_work = std::any_of(met.begin(), met.end(), [](const lane::ClockStep& death) {
    return death.kind == lane::ClockStep::Kind::died_at_work;
  });
  if (begins) {
    start(self);
  } else {
    if (!gets_on(self, st.traffic->next_time())) return;
    st.now = st.traffic->next_time();
    deliver(self, at_work ? Handing::to_the_dead : Handing::out);
    st.traffic->prefetch();
  }
  for (const auto& death : met) lose_job(self, static_cast<NodeId>(death.node));
  if (at_work) st.deliveries.end();
  proceed(self);
}

void replace(Self self, NodeId node, const client_actor& replacement, const std::string& why) {
  auto& st = self->state;
  if (st.replay && !st.ending.ended)
    return self->send(st.federation, atom::failed_v,
                      record::node_name(node) + " died before the run was where it had been");
  st.addressees.replace(node, replacement);
  if (st.deaths.under_way()) return died_again(self);
  const bool at_work = st.wall || st.deliveries.awaited == node;
  if (const auto& checkpoint = st.context->checkpoint; checkpoint && !st.wall && !st.ending.ended) {
    using Kind = lane::ClockStep::Kind;
    const auto kind = at_work ? Kind::died_at_work : Kind::died;
    checkpoint->note_death({st.now, kind, node, st.deliveries.count, why}, st.context->elapsed());
  }
  lose_job(self, node);
  if (at_work) st.deliveries.end();
  proceed(self);
}

timeline_actor::behavior_type timeline(Self self, ContextPtr context, recorder_actor recorder,
                                       federation_actor federation) {
  auto& st = self->state;
  if (context->wall()) {
    st.wall.emplace().time_scale = context->scenario->scenario.time_scale;
    st.steps = context->checkpoint.get();
    if (st.steps && st.steps->goes_on()) st.replay.emplace(st.steps->take_steps());
  } else if (context->checkpoint) {
    st.deaths = Deaths(context->checkpoint->take_steps());
  }
  st.recorder = recorder;
  if (!context->events_file.empty() || !context->trace_file.empty())
    st.journal = Journal(std::move(recorder));
  st.traffic.emplace(*context);
  st.context = std::move(context);
  st.federation = std::move(federation);
  auto behaviour = behaviour_of<timeline_actor>(
      self, TimelineState::name, [=](atom::start, const DirectoryPtr& directory) { begin(self, directory); },
      [=](Ack& ack) { acknowledged(self, ack); },
      [=](atom::due, std::uint64_t generation) {
        if (generation == self->state.wall->generation) proceed(self);
      },
      [=](atom::replaced, NodeId node, const client_actor& replacement, const std::string& why) {
        replace(self, node, replacement, why);
      },
      [=](atom::halt) { end(self, false); }, [=](atom::flush) { self->state.journal.flush_is_due(self); });
  self->set_exception_handler([=](std::exception_ptr& e) {
    try {
      self->state.journal.flush(self);  // what has happened is to be in the log
    } catch (const std::exception&) {
      // The first exception is the one that tells.
    }
    return reason_of(e);
  });
  return behaviour;
}

}  // namespace

timeline_actor spawn_timeline(caf::actor_system& sys, ContextPtr context, recorder_actor recorder,
                              federation_actor federation) {
  return sys.spawn(timeline, std::move(context), std::move(recorder), std::move(federation));
}

}  // namespace afu::actors
