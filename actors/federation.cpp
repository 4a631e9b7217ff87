#include <fmt/format.h>

#include <caf/all.hpp>
#include <chrono>
#include <utility>

#include "actors/behaviour.hpp"
#include "actors/nodes.hpp"
#include "actors/spawn.hpp"
#include "actors/watched.hpp"

namespace afu::actors {
namespace {

using namespace std::chrono_literals;

/// The order in which actors end: clients, then workers, then the server and its clock, the recorder last.
enum Phase : int {
  running,
  reporting,
  clients_end,
  workers_end,
  server_end,
  recorder_closes,
  recorder_ends,
  over
};
constexpr auto grace = 30s;     ///< before a phase is ended by force
constexpr int most_deaths = 3;  ///< of a client, that is then replaced no more: the run fails

/// Everybody but the clients. The lanes' last is the service lane; what a run does not need is null.
struct Crew {
  recorder_actor recorder;
  std::vector<lane_actor> lanes;
  dispatcher_actor dispatcher;
  timeline_actor timeline;
  server_actor server;
  unlearner_actor unlearner;
  calibrator_actor calibrator;
  evaluator_actor evaluator;
};

/// What the others have told at the end.
struct LastWords {
  std::shared_ptr<RunReport> report = std::make_shared<RunReport>();
  bool rows = false, counts = false;  ///< have come
};

struct FederationState {
  static inline const char* name = "federation";
  ContextPtr context;
  caf::actor launcher;
  Crew crew;
  std::shared_ptr<const ClientWiring> wiring;
  Watched watched;
  LastWords words;
  int phase = running;
  int halts = 0;         ///< asked for by the launcher
  bool hurried = false;  ///< what is still being measured is not waited for

  RunReport& report() { return *words.report; }
};
using Self = federation_actor::stateful_pointer<FederationState>;

void begin(Self self) {
  auto& st = self->state;
  auto& sys = self->system();
  const auto me = caf::actor_cast<federation_actor>(self);
  const auto& context = st.context;
  if (!context->events_file.empty() || !context->trace_file.empty() || !context->metrics_file.empty() ||
      !context->attacks_file.empty() || !context->calibrations_file.empty() || context->checkpoint) {
    st.crew.recorder = spawn_recorder(sys, context, me);
    st.watched.add(self, st.crew.recorder, "recorder");
  }
  for (std::uint32_t i = 0; i < context->lanes.size(); ++i) {
    st.crew.lanes.push_back(spawn_lane(sys, context, i, me));
    st.watched.add(self, st.crew.lanes.back(), "lane " + std::to_string(i));
  }
  lane_actor service;
  if (!st.crew.lanes.empty()) {
    service = st.crew.lanes.back();
    st.crew.dispatcher = spawn_dispatcher(sys, context, {st.crew.lanes.begin(), st.crew.lanes.end() - 1},
                                          st.crew.recorder, me);
    st.watched.add(self, st.crew.dispatcher, "dispatcher");
    st.crew.evaluator = spawn_evaluator(sys, context, st.crew.dispatcher, st.crew.recorder, me);
    st.watched.add(self, st.crew.evaluator, "evaluator");
  }
  st.crew.timeline = spawn_timeline(sys, context, st.crew.recorder, me);
  st.watched.add(self, st.crew.timeline, "timeline");
  st.crew.server =
      spawn_server(sys, context, st.crew.timeline, service, st.crew.evaluator, st.crew.recorder, me);
  st.watched.add(self, st.crew.server, "server");
  st.crew.unlearner = spawn_unlearner(sys, context, st.crew.timeline, st.crew.dispatcher, me);
  st.watched.add(self, st.crew.unlearner, "unlearner");
  st.crew.calibrator = spawn_calibrator(sys, context, st.crew.timeline, st.crew.dispatcher, me);
  st.watched.add(self, st.crew.calibrator, "calibrator");

  st.wiring =
      std::make_shared<const ClientWiring>(ClientWiring{context, st.crew.timeline, st.crew.dispatcher, me});
  auto directory = std::make_shared<Directory>();
  directory->server = st.crew.server;
  directory->unlearner = st.crew.unlearner;
  directory->calibrator = st.crew.calibrator;
  const auto count = static_cast<std::uint32_t>(context->setup.samples.size());
  directory->clients.reserve(count);
  st.watched.clients.reserve(count);
  st.watched.current.resize(count);
  for (std::uint32_t c = 0; c < count; ++c) {
    directory->clients.push_back(spawn_client(sys, st.wiring, c));
    st.watched.add_client(self, directory->clients.back(), c);
  }
  self->send(st.crew.timeline, atom::start_v, DirectoryPtr{std::move(directory)});
}

void enter(Self self, int phase);

/// Everybody's last words are in, or there is no use in waiting for them.
void reported(Self self) {
  auto& st = self->state;
  if (st.phase != reporting) return;
  const bool complete = st.report().has_outcome && (st.words.rows || !st.crew.evaluator) &&
                        (st.words.counts || !st.crew.dispatcher || st.hurried);
  if (complete || !st.report().failure.empty()) enter(self, clients_end);
}

template <class Handle>
void finish(Self self, const Handle& handle) {
  if (handle) self->send_exit(handle, caf::exit_reason::user_shutdown);
}

/// Goes on to the next phase when everybody of the present one has ended.
void check_phase(Self self) {
  auto& st = self->state;
  switch (st.phase) {
    case clients_end:
      if (st.watched.clients.empty()) enter(self, workers_end);
      break;
    case workers_end:
      if (!st.watched.any_of({"unlearner", "calibrator", "evaluator", "dispatcher"}, true))
        enter(self, server_end);
      break;
    case server_end:
      if (!st.watched.any_of({"server", "timeline"})) enter(self, recorder_closes);
      break;
    case recorder_closes:  // else it says that it has
      if (st.crew.recorder && !st.watched.any_of({"recorder"})) enter(self, over);
      break;
    case recorder_ends:
      if (!st.watched.any_of({"recorder"})) enter(self, over);
      break;
    default:
      break;
  }
}

void enter(Self self, int phase) {
  auto& st = self->state;
  st.phase = phase;
  if (phase < over) self->delayed_send(self, grace, atom::force_v, phase);
  switch (phase) {
    case reporting:
      self->send(st.crew.server, atom::report_v, st.report().timeline.now);
      if (st.crew.dispatcher) self->send(st.crew.dispatcher, atom::report_v);
      break;
    case clients_end:
      if (st.context->checkpoint) st.context->checkpoint->freeze();
      for (const auto& [address, node] : st.watched.clients)
        self->send_exit(address, caf::exit_reason::user_shutdown);
      break;
    case workers_end:
      finish(self, st.crew.unlearner), finish(self, st.crew.calibrator), finish(self, st.crew.evaluator);
      finish(self, st.crew.dispatcher);
      for (const auto& lane : st.crew.lanes) finish(self, lane);
      if (st.context->nodes) st.context->nodes->close();  // no lane waits for one any more
      break;
    case server_end:
      finish(self, st.crew.server), finish(self, st.crew.timeline);
      break;
    case recorder_closes:
      if (!st.crew.recorder) return enter(self, over);
      self->send(st.crew.recorder, atom::close_v);
      break;
    case recorder_ends:
      finish(self, st.crew.recorder);
      break;
    case over:
      caf::anon_send(st.launcher, ReportPtr{st.words.report});
      self->quit(caf::exit_reason::user_shutdown);
      return;
    default:
      break;
  }
  check_phase(self);
}

/// Before anything is dropped that an open job reads.
void take_last_checkpoint(Self self) {
  const auto& context = *self->state.context;
  if (context.checkpoint) context.checkpoint->take_last(context.elapsed());
}

/// Somebody has lost what it held.
void take_no_checkpoint(Self self) {
  if (const auto& c = self->state.context->checkpoint) c->freeze();
}

void fail(Self self, const std::string& why) {
  auto& st = self->state;
  take_no_checkpoint(self);
  if (!st.report().failure.empty()) return;
  st.report().failure = why;
  if (st.phase == running)
    self->send(st.crew.timeline, atom::halt_v);
  else
    reported(self);
}

std::string unexpectedly(Self self, const std::string& name, const caf::error& reason) {
  return "the " + name + " ended unexpectedly: " + text_of(self->system(), reason);
}

void down(Self self, const caf::down_msg& m) {
  auto& st = self->state;
  if (auto c = st.watched.clients.find(m.source); c != st.watched.clients.end()) {
    const auto node = c->second;
    st.watched.clients.erase(c);
    // Nobody holds it any more: the timeline, which alone does, has died, and its own end is told next. To replace what only went
    // with it would come to nothing, and would hide the reason.
    if (m.reason == caf::exit_reason::unreachable) return check_phase(self);
    auto again = st.watched.again.extract(node);
    // On the virtual clock the timeline notes where it died; on the wall clock the run would not take place again as it did.
    if (st.phase != running || st.context->wall())
      take_no_checkpoint(self);
    else if (const auto& checkpoint = st.context->checkpoint; checkpoint && !again)
      checkpoint->pause();
    if (st.phase == running || st.phase == reporting) {
      const auto number = node - record::first_client_node;
      const auto why = again ? std::move(again.mapped()) : text_of(self->system(), m.reason);
      if (++st.watched.deaths[node] > most_deaths)
        return fail(self, fmt::format("{} died {} times: {}", record::node_name(node), most_deaths + 1, why));
      st.report().replaced.push_back({record::node_name(node), why});
      auto replacement = spawn_client(self->system(), st.wiring, number);
      st.watched.add_client(self, replacement, number);
      self->send(st.crew.timeline, atom::replaced_v, node, replacement, why);
    }
    return check_phase(self);
  }
  auto o = st.watched.others.find(m.source);
  if (o == st.watched.others.end()) return;
  const auto name = o->second;
  st.watched.others.erase(o);
  take_no_checkpoint(self);
  if (st.phase == running || st.phase == reporting) {
    if (st.report().failure.empty()) st.report().failure = unexpectedly(self, name, m.reason);
    if (name == "timeline" || st.phase == reporting)
      enter(self, clients_end);
    else
      self->send(st.crew.timeline, atom::halt_v);
    return;
  }
  // Of the others nothing is wanted any more.
  if (name == "recorder" && st.phase <= recorder_closes && st.report().failure.empty())
    st.report().failure = unexpectedly(self, name, m.reason);
  check_phase(self);
}

/// As begin; what it cannot start ends the run in order, with what was started before.
void begin_or_fail(Self self) {
  try {
    begin(self);
  } catch (const std::exception& e) {
    self->state.report().failure = e.what();
    enter(self, clients_end);
  }
}

/// After an exception in a handler of this actor: it ends, and nobody else would end the others, for which
/// the system then waits.
caf::error abandon(Self self, const std::exception_ptr& exception) {
  auto& st = self->state;
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& e) {
    st.report().failure = std::string("the federation ended unexpectedly: ") + e.what();
  } catch (...) {
    st.report().failure = "the federation ended unexpectedly";
  }
  for (const auto& [address, node] : st.watched.clients) self->send_exit(address, caf::exit_reason::kill);
  for (const auto& [address, name] : st.watched.others) self->send_exit(address, caf::exit_reason::kill);
  if (st.context->nodes) st.context->nodes->close();
  caf::anon_send(st.launcher, ReportPtr{st.words.report});
  return caf::exit_reason::unhandled_exception;
}

federation_actor::behavior_type federation(Self self, ContextPtr context, caf::actor launcher) {
  self->state.context = std::move(context);
  self->state.launcher = std::move(launcher);
  self->set_down_handler([=](const caf::down_msg& m) { down(self, m); });
  auto behaviour = behaviour_of<federation_actor>(
      self, FederationState::name, [=](atom::start) { begin_or_fail(self); },
      [=](atom::halt) {
        auto& st = self->state;
        ++st.halts;
        if (st.phase == running) {
          st.report().interrupted = true;
          take_last_checkpoint(self);
          if (st.crew.timeline) self->send(st.crew.timeline, atom::halt_v);
        }
        // A run that has ended by itself and is only being measured is complete, unless that is cut short.
        if (st.halts < 2 || st.phase > reporting) return;
        take_last_checkpoint(self);
        st.hurried = st.report().interrupted = true;
        if (st.crew.evaluator) self->send(st.crew.evaluator, atom::halt_v);
        reported(self);
      },
      [=](const Progress& p) { caf::anon_send(self->state.launcher, p); },
      [=](const TimelineEnd& e) {
        auto& st = self->state;
        st.report().timeline = e;
        st.report().has_end = true;
        if (const auto& c = st.context->checkpoint) c->end();
        if (st.phase == running) enter(self, reporting);
        reported(self);
      },
      [=](const OutcomePtr& o) {
        self->state.report().outcome = *o;
        self->state.report().has_outcome = true;
        reported(self);
      },
      [=](atom::drain, const ReportPtr& rows) {
        auto& r = self->state.report();
        r.rows = rows->rows;
        r.before = rows->before, r.has_before = rows->has_before;
        r.found = rows->found;
        r.final = rows->final, r.has_final = rows->has_final;
        r.attacks = rows->attacks;
        r.snapshots = rows->snapshots;
        self->state.words.rows = true;
        reported(self);
      },
      [=](atom::report, std::uint64_t joined, std::uint64_t late) {
        self->state.report().joined = joined;
        self->state.report().late = late;
        self->state.words.counts = true;
        reported(self);
      },
      [=](atom::closed) {
        if (self->state.phase == recorder_closes) enter(self, recorder_ends);
      },
      [=](atom::failed, const std::string& why) { fail(self, why); },
      [=](atom::crash, NodeId node, const std::string& why) {
        auto& st = self->state;
        if (node >= record::first_client_node) {
          if (!why.empty()) st.watched.again[node] = why;
          self->send(caf::actor_cast<client_actor>(st.watched.current.at(node - record::first_client_node)),
                     atom::crash_v);
        } else if (node == record::server_node)
          self->send_exit(st.crew.server, caf::exit_reason::unhandled_exception);
      },
      [=](atom::force, int phase) {
        auto& st = self->state;
        if (st.phase != phase) return;
        if (phase == reporting) {  // measuring may take long; it is not stuck while its lanes are there
          self->delayed_send(self, grace, atom::force_v, phase);
          return;
        }
        for (const auto& [address, node] : st.watched.clients)
          self->send_exit(address, caf::exit_reason::kill);
        for (const auto& [address, name] : st.watched.others)
          if (phase != clients_end && (name != "recorder" || phase >= recorder_closes))
            self->send_exit(address, caf::exit_reason::kill);
        if (phase == recorder_closes) enter(self, recorder_ends);
      });
  self->set_exception_handler([=](std::exception_ptr& e) { return abandon(self, e); });
  return behaviour;
}

}  // namespace

federation_actor spawn_federation(caf::actor_system& sys, ContextPtr context, caf::actor launcher) {
  return sys.spawn(federation, std::move(context), std::move(launcher));
}

}  // namespace afu::actors
