#include <algorithm>
#include <caf/all.hpp>
#include <deque>
#include <set>
#include <utility>
#include <variant>

#include "actors/behaviour.hpp"
#include "actors/spawn.hpp"
#include "federate/audit.hpp"

namespace afu::actors {
namespace {

using Message = std::variant<atom::start, federate::Update, federate::Dropped, federate::EraseRequest,
                             federate::CollectResult, federate::EraseResult, federate::CalibrateResult>;

/// The aggregator. While the service lane computes a merge, messages wait here: on the virtual clock none can
/// come, since the timeline waits for the acknowledgement. On the wall clock they also wait where a request
/// is due with what has just been taken, until that has come; and none is taken once the run is over.
struct ServerState {
  explicit ServerState(ContextPtr c) : context(std::move(c)), coordinator(context->setup) {
    context->remains->server_lives();
  }
  ServerState(const ServerState&) = delete;
  ServerState& operator=(const ServerState&) = delete;
  ~ServerState() {
    if (!told) try {
        context->remains->leave(std::make_shared<const federate::Outcome>(coordinator.outcome()));
      } catch (const std::exception&) {
        // Who reads the remains says that nothing is known.
      }
  }
  ContextPtr context;
  federate::Coordinator coordinator;
  timeline_actor timeline;
  lane_actor service;
  evaluator_actor evaluator;
  recorder_actor recorder;
  federation_actor federation;
  std::deque<std::pair<double, Message>> inbox;
  std::set<std::uint32_t> due;  ///< requests that were posted ahead of all else
  bool merging = false, over = false, told = false;
  double now = 0;
  std::uint64_t merges = 0;
  federate::Effects effects;  ///< of the message being taken
};

struct Holder {
  static inline const char* name = "server";
  std::unique_ptr<ServerState> server;
};
using Self = server_actor::stateful_pointer<Holder>;

void take_next(Self self);

/// Sends on what a message brought about; the acknowledgement only when its last merge is done.
void carry_out(Self self) {
  auto& st = *self->state.server;
  auto& fx = st.effects;
  for (auto& e : fx.evaluations)
    self->send(st.evaluator, atom::measure_v, std::make_shared<const federate::Evaluation>(std::move(e)));
  fx.evaluations.clear();
  if (st.recorder)
    for (const auto& c : fx.calibrations) self->send(st.recorder, c);
  fx.calibrations.clear();
  const bool audits = st.recorder && !st.context->audit_folder.empty();
  if (audits)
    for (auto& u : fx.audited) self->send(st.recorder, std::move(u));
  fx.audited.clear();
  if (!fx.failure.empty()) {
    st.over = true;
    return self->send(st.federation, atom::failed_v, fx.failure);
  }
  if (fx.merge) {
    st.merging = true;
    auto job = std::make_shared<const job::Job>(std::move(*fx.merge));
    fx.merge.reset();
    self->send(st.service, assignment({{++st.merges, 0, "merge", std::move(job)}}),
               caf::actor_cast<dispatcher_or_server>(self));
    return;
  }
  st.merging = false;
  if (audits)
    for (const auto& p : fx.posts)
      if (auto job = federate::audited_job(p, st.context->setup)) self->send(st.recorder, std::move(*job));
  Ack ack;
  ack.from = record::server_node;
  ack.posts = std::move(fx.posts);
  ack.decisions = std::move(fx.decisions);
  ack.stop = st.over = fx.stop;
  for (const auto& p : ack.posts)
    if (const auto* request = std::get_if<federate::EraseRequest>(&p.payload); request && p.first)
      st.due.insert(request->request);
  ack.updates = st.coordinator.updates();
  // Timing runs are over in a moment, and may have so many clients that to look for those at work costs.
  if (!st.context->timing()) ack.waited_for = st.coordinator.waited_for();
  fx = {};
  self->send(st.timeline, std::move(ack));
  take_next(self);
}

void take_next(Self self) {
  auto& st = *self->state.server;
  if (st.merging || st.over) return;
  auto next = st.inbox.begin();
  if (!st.due.empty())
    next = std::find_if(st.inbox.begin(), st.inbox.end(), [&](const auto& waiting) {
      const auto* request = std::get_if<federate::EraseRequest>(&waiting.second);
      return request && st.due.count(request->request) > 0;
    });
  if (next == st.inbox.end()) return;
  auto [now, message] = std::move(*next);
  st.inbox.erase(next);
  if (const auto* request = std::get_if<federate::EraseRequest>(&message)) st.due.erase(request->request);
  st.now = std::max(st.now, now);
  std::visit(
      [&, now = now](const auto& m) {
        if constexpr (std::is_same_v<std::decay_t<decltype(m)>, atom::start>)
          st.coordinator.start(now, st.effects);
        else
          st.coordinator.on(now, m, st.effects);
      },
      message);
  carry_out(self);
}

void take(Self self, double now, Message m) {
  self->state.server->inbox.emplace_back(now, std::move(m));
  take_next(self);
}

void merged(Self self, const Finished& f) {
  auto& st = *self->state.server;
  if (st.recorder) self->send(st.recorder, f.span);
  const auto& result = *f.results.front().second;
  if (!result.error.empty()) {
    st.over = true;
    return self->send(st.federation, atom::failed_v, "server: " + result.error);
  }
  st.coordinator.merged(st.now, result, st.effects);
  carry_out(self);
}

server_actor::behavior_type server(Self self, ContextPtr context, timeline_actor timeline, lane_actor service,
                                   evaluator_actor evaluator, recorder_actor recorder,
                                   federation_actor federation) {
  self->state.server = std::make_unique<ServerState>(std::move(context));
  auto& st = *self->state.server;
  st.timeline = std::move(timeline);
  st.service = std::move(service);
  st.evaluator = std::move(evaluator);
  st.recorder = std::move(recorder);
  st.federation = std::move(federation);
  return behaviour_of<server_actor>(
      self, Holder::name, [=](double now, atom::start) { take(self, now, atom::start_v); },
      [=](double now, const federate::Update& m) { take(self, now, m); },
      [=](double now, const federate::Dropped& m) { take(self, now, m); },
      [=](double now, const federate::CollectResult& m) { take(self, now, m); },
      [=](double now, const federate::EraseRequest& m) {
        self->state.server->context->past->store(false);
        take(self, now, m);
      },
      [=](double now, const federate::EraseResult& m) { take(self, now, m); },
      [=](double now, const federate::CalibrateResult& m) { take(self, now, m); },
      [=](const Finished& f) { merged(self, f); },
      [=](atom::report, double now) {
        auto& st = *self->state.server;
        if (st.evaluator) {
          self->send(st.evaluator, atom::measure_v,
                     std::make_shared<const federate::Evaluation>(st.coordinator.evaluation(now)));
          self->send(st.evaluator, atom::drain_v);
        }
        auto outcome = std::make_shared<const federate::Outcome>(st.coordinator.outcome());
        st.context->remains->leave(outcome);
        st.told = true;
        self->send(st.federation, std::move(outcome));
      });
}

}  // namespace

server_actor spawn_server(caf::actor_system& sys, ContextPtr context, timeline_actor timeline,
                          lane_actor service, evaluator_actor evaluator, recorder_actor recorder,
                          federation_actor federation) {
  return sys.spawn(server, std::move(context), std::move(timeline), std::move(service), std::move(evaluator),
                   std::move(recorder), std::move(federation));
}

}  // namespace afu::actors
