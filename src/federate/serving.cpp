#include "federate/serving.hpp"

#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <utility>

#include "config/scenario.hpp"
#include "federate/ending.hpp"
#include "federate/merging.hpp"
#include "federate/not_finite.hpp"
#include "federate/steps.hpp"
#include "federate/updates.hpp"

namespace afu::federate {
namespace {

using methods::Scope;

/// What an erasure has nothing to do with, as it is asked for.
void look_for_target(Parts& p, const ServedRequest& r) {
  const auto client = r.request.client;
  if (client == methods::no_client) return;
  const auto who = fmt::format("erasure[{}] of client/{}: ", r.request.index, client);
  if (p.trainers.roster[client].accepted == 0)
    p.account.warn(who + "no update of it was ever accepted before it asked, so there was nothing to erase");
  const auto& history = p.merging.memory.history();
  if (const auto left = history.unfinished(client); left > 0 && history.needs().models)
    p.account.warn(
        fmt::format("{}{} of its updates are in a round that is not complete, which '{}' leaves as it is",
                    who, left, p.method.name));
}

/// Whatever the target still sends was trained on what must go. Nobody waits for it.
void take_out_client(Parts& p, ServedRequest& r) {
  const auto client = r.request.client;
  p.trainers.roster.exclude(client, r.request.scope);
  p.trainers.tasks.withdraw(client);
  r.record.lost_updates += p.lineage().forget(client);
}

/// Everybody may own samples of the class: what is being trained on them is void, all begin anew without
/// them.
void take_out_class(Parts& p, ServedRequest& r) {
  auto& tasks = p.trainers.tasks;
  for (std::uint32_t c = 0; c < p.trainers.roster.size(); ++c)
    r.record.lost_updates += tasks[c].busy + p.lineage().forget(c);
  p.trainers.roster.honour(r.request.index);
  tasks.release_all();
  tasks.look_again();
}

/// The anchor holds what a new request wants forgotten.
void drop_anchor(Parts& p) {
  if (!p.observers.ewc) return;
  p.observers.ewc->drop();
  p.trainers.extras.hold_near(nullptr);
}

/// Of a question that no request asked.
void take_own_answer(Parts& p, const CalibrateResult& m) {
  if (auto* clusters = p.merging.clusters.get()) {
    if (auto* best = clusters->best())
      best->answered(m.result ? m.result->numbers : std::vector<double>{}, clusters->standings());
  } else if (p.observers.ewc) {
    p.observers.ewc->answered(m);
    p.trainers.extras.hold_near(p.observers.ewc->anchor());
  }
}

void finish(Parts& p, ServedRequest& r) {
  const auto index = r.request.index;
  if (r.request.scope == Scope::samples) readmit(p, r);
  if (p.observers.guards) p.observers.guards->drop(index);
  if (p.observers.gates) p.observers.gates->close(index);
  if (const auto client = r.request.client; client != methods::no_client) {
    // What it has contributed since is without the samples, and so are its other shards, whose entries a later request needs.
    if (r.request.scope == Scope::samples && (r.taken_out || p.needs.by_shard()))
      p.merging.memory.forget_rounds(client);
    else
      p.merging.memory.forget(client);
    if (p.observers.heads) p.observers.heads->forget(client);
  }
  p.requests.call_next();
}

/// "client/3", "class 2"
std::string who(const ServedRequest& r) {
  return r.request.client == methods::no_client ? fmt::format("class {}", r.record.label)
                                                : fmt::format("client/{}", r.request.client);
}

/// What its procedure needs can never be computed: it ends here, and all others go on.
void give_up(Parts& p, ServedRequest& r, const std::string& why, Effects& fx) {
  if (r.training == Training::halted) {
    methods::Step resume = methods::Resume{};
    carry_out(p, r, resume, fx);
  }
  if (!r.record.forgotten_at) r.record.reason = why;
  r.stage = stage::Done{};
  p.account.warn(fmt::format("erasure[{}] of {}: given up: {}", r.request.index, who(r), why));
  finish(p, r);
}

/// What was computed for the request is not finite. False where the run ends with it.
bool give_up_not_finite(Parts& p, ServedRequest& r, record::Divergence d, Effects& fx) {
  const auto why = to_string(d);
  if (!drop(p, std::move(d), 0, fx)) return false;
  give_up(p, r, why, fx);
  return true;
}

/// So it is, by the calibrator. What goes without it does.
bool go_without(Parts& p, const CalibrateResult& m, record::Divergence d, Effects& fx) {
  if (m.probe || m.request == no_request) {  // the gate takes nothing back; no anchor, no other cluster
    if (!drop(p, std::move(d), 0, fx)) return false;
    auto none = m;
    none.result.reset();
    return take(p, none, fx);
  }
  auto& r = p.requests[m.request];
  if (r.in<stage::TakingStatistics>() || !r.record.merged_at || !r.calibrations.drop())
    return give_up_not_finite(p, r, std::move(d), fx);
  if (!drop(p, std::move(d), 0, fx)) return false;
  advance(p, r, m.result.get(), fx);
  return true;
}

}  // namespace

bool take(Parts& p, const EraseRequest& m, Effects& fx) {
  auto& r = p.requests[m.request];
  r.record.requested_at = p.at.now;
  r.calibrations.count_from(p.at);
  p.measure(fx, m.request);
  p.requests.leave_out_erased(r);
  r.procedure = p.method.start(r.request);
  if (auto others = p.requests.taken_before(r); !others.empty()) {
    r.stage = stage::Repeating{std::move(others)};
    return true;
  }
  if (r.made_again_by) {
    r.stage = stage::Repeating{{*r.made_again_by}};
    return true;
  }
  r.stage = stage::Queued{};
  look_for_target(p, r);
  drop_anchor(p);
  if (r.request.scope == Scope::data_class)
    take_out_class(p, r);
  else
    take_out_client(p, r);
  end_round(p);
  reckon(p, fx);
  if (!p.requests.must_wait(r)) r.stage = stage::Ready{};
  return true;
}

bool take(Parts& p, const CollectResult& m, Effects& fx) {
  auto& r = p.requests[m.request];
  const auto* work = r.collecting(m);
  if (!work) return false;
  r.record.client_passes += work->passes;
  if (m.result && m.result->not_finite) {
    return give_up_not_finite(p, r,
                              {"work", m.client, m.job, m.request, p.at.version, p.at.updates, p.at.now}, fx);
  }
  if (m.result) p.account.shortened.erasure_work += m.result->figures.count("shortened");
  if (r.collect(m)) advance(p, r, nullptr, fx);
  return true;
}

bool take(Parts& p, const EraseResult& m, Effects& fx) {
  auto& r = p.requests[m.request];
  if (m.result && !m.result->error.empty()) {
    give_up(p, r, m.result->error, fx);
    return true;
  }
  if (m.result && m.result->not_finite) {
    const auto client =
        r.request.client == methods::no_client ? std::nullopt : std::optional{r.request.client};
    return give_up_not_finite(
        p, r, {"erasure", client, std::nullopt, m.request, p.at.version, p.at.updates, p.at.now}, fx);
  }
  advance(p, r, m.result.get(), fx);
  return true;
}

bool take(Parts& p, const CalibrateResult& m, Effects& fx) {
  const bool gate_failed = m.probe && m.result && !std::isfinite(m.result->figures.at("scale"));
  const bool own = m.request == no_request;
  if (gate_failed || (m.result && m.result->not_finite)) {
    const auto request = own ? std::nullopt : std::optional<std::uint64_t>{m.request};
    const auto* what = m.probe ? "gate's answer" : own ? "Fisher information" : "calibration";
    return go_without(
        p, m, {what, std::nullopt, std::nullopt, request, m.base_version, p.at.updates, p.at.now}, fx);
  }
  if (m.probe) {
    if (auto back = p.observers.gates->answered(m, p.trainers.roster))
      p.merging.queue.push(CorrectionMerge{std::move(*back)});
  } else if (own) {
    take_own_answer(p, m);
  } else if (auto& r = p.requests[m.request]; r.in<stage::TakingStatistics>()) {
    if (publish_with(p, r, m.result.get(), fx)) advance(p, r, nullptr, fx);
  } else {
    if (m.result) r.calibrations.answered(*m.result);
    if (m.result && r.calibrations.features() && m.result->figures.count("directions") &&
        m.result->figures.at("directions") == 0)
      p.account.warn(
          fmt::format("erasure[{}]: it moved no feature: the calibration is clean training", m.request));
    advance(p, r, m.result.get(), fx);
  }
  return true;
}

methods::View view_of(const Parts& p, const ServedRequest& r) {
  const auto client = r.request.client;
  const auto& roster = p.trainers.roster;
  methods::View v;
  v.scenario = p.setup.scenario.get();
  v.settings = &p.scenario().unlearning.methods.at(p.method.name);
  v.version = p.at.version;
  v.epoch = p.at.epoch;
  v.updates = p.at.updates;
  v.clients = static_cast<std::int64_t>(roster.size());
  v.classes = p.classes();
  v.synchronous = p.lineage().rule().synchronous();
  v.model = p.at.model;
  v.initial = p.setup.initial;
  v.target = p.merging.memory.ledger().find(client);
  for (auto owner : r.request.owners)
    if (const auto* tracked = p.merging.memory.ledger().find(owner)) v.owners.push_back(tracked);
  v.history = &p.merging.memory.history();
  if (p.observers.heads) v.auxiliary = p.observers.heads->find(client);
  if (client != methods::no_client) {
    v.target_samples = roster.samples(client);
    if (p.setup.data) v.target_holdout = p.setup.data->clients.at(client).holdout;
  }
  if (p.needs.by_shard() && client != methods::no_client)
    v.shards =
        shards_asked(p.setup, client, p.needs.shards, r.request.forget, r.request.scope == Scope::samples);
  v.participants = [&roster, &request = r.request] { return roster.participants(request); };
  v.environments = roster.environments();
  v.lr_factor = [&sizes = p.trainers.step_sizes](std::uint32_t c, std::uint64_t version) {
    return sizes.of_version(c, version);
  };
  return v;
}

void advance(Parts& p, ServedRequest& r, const job::JobResult* result, Effects& fx) {
  auto collected = r.begin_step();
  while (r.in<stage::Stepping>()) {
    auto v = view_of(p, r);
    v.collected = std::exchange(collected, {});
    auto step = r.procedure->next(v, std::exchange(result, nullptr));
    carry_out(p, r, step, fx);
  }
  if (r.done()) finish(p, r);
}

bool advance_any(Parts& p, Effects& fx) {
  for (auto& r : p.requests) {
    const auto* awaiting = std::get_if<stage::AwaitingUpdates>(&r.stage);
    if (r.in<stage::Ready>() || (r.in<stage::Draining>() && p.trainers.tasks.in_flight() == 0) ||
        (awaiting && p.at.updates >= awaiting->until) ||
        (r.in<stage::AwaitingCluster>() && p.merging.clusters->caught_up(r.request.client))) {
      advance(p, r, nullptr, fx);
      return true;
    }
  }
  return false;
}

}  // namespace afu::federate
