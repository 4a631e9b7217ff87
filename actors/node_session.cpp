#include "actors/node_session.hpp"

#include <fmt/format.h>

#include <caf/all.hpp>
#include <deque>
#include <map>
#include <set>
#include <utility>

#include "actors/behaviour.hpp"
#include "actors/detached.hpp"
#include "actors/pipe.hpp"
#include "actors/prepare.hpp"
#include "base/input_error.hpp"
#include "base/threads.hpp"
#include "config/loader.hpp"
#include "config/scenario.hpp"
#include "device/blas.hpp"
#include "device/devices.hpp"
#include "device/numerics.hpp"
#include "federate/holdings.hpp"
#include "lane/job_types.hpp"
#include "lane/prepare_model.hpp"
#include "methods/registry.hpp"
#include "wire/session.hpp"
#include "wire/values.hpp"

namespace afu::actors {

/// What a session computes on; kept for the next one of the same scenario.
struct Loaded {
  wire::Session session;
  std::unique_ptr<device::NumericsLease> numerics;
  std::vector<lane::EngineSpec> lanes;
  std::shared_ptr<device::Notes> notes = std::make_shared<device::Notes>();
  wire::Offer offer;
};

namespace {

bool same(const wire::Session& a, const wire::Session& b) {
  return a.file == b.file && a.scenario == b.scenario && a.pool == b.pool &&
         a.batched_clients == b.batched_clients;
}

std::shared_ptr<Loaded> load(const NodeService& service, const wire::Session& session) {
  if (session.revision != device::revision())
    throw InputError(
        fmt::format("its afu is of revision {}, the run's of {}", device::revision(), session.revision));
  auto loaded = std::make_shared<Loaded>();
  loaded->session = session;
  auto scenario = config::parse_scenario(session.scenario, session.file, {}, methods::method_sections());
  if (scenario.scenario.execute == config::Execute::timing) throw InputError("a timing run computes nothing");
  scenario.compute.devices = service.devices;
  scenario.compute.lanes = service.lanes;
  scenario.compute.batched_clients = session.batched_clients;
  loaded->numerics =
      std::make_unique<device::NumericsLease>(device::switches_of(scenario.compute, service.devices));
  const auto held = federate::gather(std::make_shared<const config::Scenario>(scenario));
  const auto& s = *held.scenario;
  loaded->lanes = lane::open_lanes(s.compute, service.devices, s.model, held.input, lane_work(s),
                                   held.data->pool, loaded->notes);
  loaded->lanes.pop_back();  // merges stay with the run
  loaded->offer = own_offer(s, service.devices, loaded->lanes, *held.data->pool);
  return loaded;
}

// Between a session and its workers.
struct Work {
  wire::Assignment assignment;
};
struct Worked {
  std::size_t worker = 0;
  wire::Results results;
};

struct WorkerState {
  static inline const char* name = "node lane";
  std::unique_ptr<lane::Engine> engine;
};
using Worker = caf::stateful_actor<WorkerState>;

struct SessionState {
  static inline const char* name = "session";
  HostingPtr hosting;
  caf::actor pipe;
  std::vector<caf::actor> workers;
  std::vector<std::size_t> free;
  std::deque<wire::Assignment> queue;
  std::set<std::uint64_t> open;  ///< numbers of assignments that have no results yet
  std::size_t living = 0;        ///< workers
  std::uint64_t jobs = 0;
  wire::Assembly assembly;
  wire::Shelf shelf;
  std::string ended;  ///< why the connection is gone; empty: it is there
};
using SessionActor = caf::stateful_actor<SessionState>;

/// As the run's; see there.
constexpr std::uint64_t most_vector = std::uint64_t{1} << 36;

}  // namespace
}  // namespace afu::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(afu::actors::Work)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(afu::actors::Worked)

namespace afu::actors {
namespace {

caf::behavior worker(Worker* self, std::size_t number, const lane::EngineSpec& spec,
                     const caf::actor& session) {
  self->set_exception_handler([](std::exception_ptr& e) { return reason_of(e); });
  return {[=](const Work& work) {
    auto& engine = self->state.engine;
    if (!engine) engine = lane::Engine::make(spec);  // in the lane's own thread
    const auto& jobs = work.assignment.jobs;
    Worked done{number, {work.assignment.number, {}}};
    if (jobs.size() == 1)
      done.results.results.push_back(engine->run(*jobs.front()));
    else
      done.results.results = engine->run_together(jobs);
    self->send(session, std::move(done));
  }};
}

void send(SessionActor* self, wire::Frame frame) {
  self->send(self->state.pipe, Outgoing{std::make_shared<const wire::Frame>(std::move(frame)), {}});
}

void assign(SessionActor* self) {
  auto& st = self->state;
  while (!st.free.empty() && !st.queue.empty()) {
    self->send(st.workers[st.free.back()], Work{std::move(st.queue.front())});
    st.free.pop_back();
    st.queue.pop_front();
  }
}

void open(SessionActor* self, const wire::Session& session) {
  auto& st = self->state;
  auto& loaded = st.hosting->loaded;
  if (!loaded || !same(loaded->session, session)) {
    loaded = nullptr;  // its memory first
    try {
      loaded = load(st.hosting->service, session);
    } catch (const std::exception& e) {
      throw wire::WireError(e.what());
    }
  }
  const auto lanes = static_cast<int>(loaded->lanes.size());
  base::require_threads(lanes);
  device::require_blas_buffers(lanes);
  const auto me = caf::actor_cast<caf::actor>(self);
  for (std::size_t i = 0; i < loaded->lanes.size(); ++i) {
    st.workers.push_back(spawn_detached(self->system(), worker, i, loaded->lanes[i], me));
    self->monitor(st.workers.back());
    st.free.push_back(loaded->lanes.size() - 1 - i);
    ++st.living;
  }
  send(self, wire::to_frame(loaded->offer));
}

void take_assignment(SessionActor* self, const wire::Frame& frame) {
  auto& st = self->state;
  auto assignment =
      wire::assignment_from(frame, lane::job_types(), [&](const auto& name) { return st.shelf.get(name); });
  if (st.open.size() >= 2 * st.workers.size())
    throw wire::WireError(fmt::format("more than {} assignments at a time", 2 * st.workers.size()));
  if (!st.open.insert(assignment.number).second)
    throw wire::WireError(fmt::format("assignment {} a second time", assignment.number));
  st.jobs += assignment.jobs.size();
  st.queue.push_back(std::move(assignment));
  assign(self);
}

void arrived(SessionActor* self, const wire::Frame& frame) {
  using wire::Kind;
  auto& st = self->state;
  if (st.workers.empty() != (frame.kind == Kind::session))
    throw wire::WireError(fmt::format("a frame ({}) {}", wire::to_text(frame.kind),
                                      st.workers.empty() ? "before any session" : "amid a session"));
  switch (frame.kind) {
    case Kind::session:
      return open(self, wire::session_from(frame));
    case Kind::vector:
    case Kind::chunk:
      if (const auto whole = st.assembly.take(frame, most_vector)) st.shelf.put(whole->name, whole->bytes);
      return;
    case Kind::assignment:
      return take_assignment(self, frame);
    case Kind::forget:
      for (const auto& name : wire::names_to_forget(frame)) st.shelf.forget(name);
      return;
    default:
      throw wire::WireError(fmt::format("a run sends no frame ({})", wire::to_text(frame.kind)));
  }
}

void worked(SessionActor* self, const Worked& done) {
  auto& st = self->state;
  st.free.push_back(done.worker);
  st.open.erase(done.results.number);
  if (!st.ended.empty()) return;
  std::map<const model::ParameterVector*, wire::Name> sent;
  auto frame = wire::to_frame(done.results, [&](const model::ParametersPtr& v) {
    if (const auto i = sent.find(v.get()); i != sent.end()) return i->second;
    auto bytes = std::make_shared<const wire::Bytes>(model::to_bytes(v));
    const auto name = wire::name_of(*bytes);
    self->send(st.pipe, Outgoing{nullptr, {name, std::move(bytes)}});
    return sent.emplace(v.get(), name).first->second;
  });
  if (const auto size = frame.bytes.size(); size > wire::most_after_proof) {  // the run learns it, and why
    job::JobResult failed;
    failed.error = fmt::format("results of {} bytes, allowed: {}", size, wire::most_after_proof);
    frame = wire::to_frame(
        {done.results.number, std::vector<job::JobResult>(done.results.results.size(), failed)},
        [](const auto&) { return wire::Name{}; });
  }
  send(self, std::move(frame));
  assign(self);
}

/// Once the connection is gone and no worker lives.
void check_end(SessionActor* self) {
  const auto& st = self->state;
  if (!st.ended.empty() && st.living == 0)
    self->quit(caf::make_error(caf::sec::runtime_error,
                               fmt::format("{}; {} jobs were computed", st.ended, st.jobs)));
}

void end(SessionActor* self, const std::string& why) {
  auto& st = self->state;
  if (!st.ended.empty()) return;
  st.ended = why;
  st.queue.clear();
  for (const auto& w : st.workers) self->send_exit(w, caf::exit_reason::user_shutdown);
  check_end(self);
}

caf::behavior session(SessionActor* self, HostingPtr hosting, const caf::actor& pipe) {
  auto& st = self->state;
  st.hosting = std::move(hosting);
  st.pipe = pipe;
  self->monitor(pipe);
  self->set_exception_handler([](std::exception_ptr& e) { return reason_of(e); });
  self->set_down_handler([=](const caf::down_msg& m) {
    auto& st = self->state;
    if (m.source == st.pipe.address()) return end(self, text_of(self->system(), m.reason));
    --st.living;
    if (st.ended.empty()) {
      self->send(st.pipe, Refused{"a lane ended unexpectedly: " + text_of(self->system(), m.reason)});
      end(self, "a lane ended unexpectedly: " + text_of(self->system(), m.reason));
    }
    check_end(self);
  });
  self->set_exit_handler([=](const caf::exit_msg&) {
    self->send(self->state.pipe, Refused{"the node ends"});
    end(self, "the node ends");
  });
  self->send(pipe, Owned{caf::actor_cast<caf::actor>(self)});
  return {
      [=](const Arrived& m) {
        auto& st = self->state;
        if (!st.ended.empty()) return;
        try {
          arrived(self, *m.frame);
        } catch (const std::exception& e) {  // WireError, or what keeps lanes from being opened
          self->send(st.pipe, Refused{e.what()});
          return end(self, e.what());
        }
        self->send(st.pipe, Used{m.frame->kind, m.frame->bytes.size()});
      },
      [=](const Worked& done) { worked(self, done); },
  };
}

}  // namespace

caf::actor spawn_session(caf::actor_system& sys, HostingPtr hosting, const caf::actor& pipe) {
  return spawn_detached(sys, session, std::move(hosting), pipe);
}

}  // namespace afu::actors
