#include "federate/updates.hpp"

#include <utility>

#include "config/scenario.hpp"
#include "federate/not_finite.hpp"
#include "train/train_job.hpp"

namespace afu::federate {

using Kind = record::Decision::Kind;

namespace {

/// A retraining keeps the run going past its end, to so many times what [stop] says: whom it waits for may be gone for good, while
/// others go on.
constexpr std::uint64_t longest_retraining = 10;
constexpr std::uint64_t task_overhead_bytes = 64;  ///< what a message carries beside the parameters

Post to_client(const Parts& p, std::uint32_t client, Payload payload) {
  return {record::server_node,
          record::first_client_node + client,
          0,
          client,
          false,
          p.setup.model_bytes + task_overhead_bytes,
          std::move(payload)};
}

TrainTask task_of(Parts& p, std::uint32_t client) {
  auto base = p.lineage().hand_out(client, p.at);
  std::shared_ptr<const train::AuxiliaryHead> auxiliary;
  if (p.observers.heads)
    if (const auto* request = p.requests.ahead(client)) auxiliary = p.observers.heads->task(*request);
  auto& t = p.trainers;
  auto course = p.course();
  course.version = base.version;
  const double lr_factor = t.step_sizes.hand_out(client, course);
  return {t.tasks[client].job,   base.version,   p.at.epoch,           t.roster[client].honours,
          std::move(base.model), t.extras.now(), std::move(auxiliary), lr_factor};
}

/// A late update that is dropped counts with every request that was erased before it came.
void drop_late(Parts& p, const aggregate::Arrival& a, Effects& fx) {
  p.decide(Kind::late_dropped, a.client, a.staleness, 0, fx);
  for (auto& r : p.requests)
    if (r.record.merged_at) ++r.record.lost_updates;
  ++p.account.unused.late_updates_dropped;
}

/// What an update that goes into the model adds to the counts.
void count(Parts& p, const Update& m) {
  ++p.at.updates, ++p.at.accepted;
  p.account.dropped_in_a_row = 0;
  p.trainers.roster.accepted(m.client);
  p.account.shortened.updates += m.shortened;
  if (p.observers.heads) p.observers.heads->take(m.client, m.auxiliary);
  for (auto& r : p.requests)  // a retraining is work that clients do for the method
    if (r.retraining() && p.lineage().together(r.request.client, m.client)) {
      r.record.client_passes += static_cast<double>(m.passes);
      break;
    }
  if (p.requests.size() > 0 && !p.trainers.roster[m.client].asks)
    p.account.accepted.push_back({p.at.now, m.client});
}

/// False where the run ends with it.
bool accept(Parts& p, const Update& m, Effects& fx) {
  auto& lineage = p.lineage();
  auto& tasks = p.trainers.tasks;
  aggregate::Arrival a;
  a.client = m.client;
  a.base_version = m.base_version;
  a.staleness = lineage.staleness(m.client, m.base_version, p.at);
  a.samples = m.samples;
  a.delta = m.delta;
  a.parts = m.parts;
  auto base = tasks.release(m.client);
  a.base = std::move(base.model);
  a.base_influence = std::move(base.influence);

  auto kind = Kind::merged;
  if (lineage.late(m.base_epoch, p.at)) {
    for (auto& r : p.requests)
      if (r.record.merged_at && *r.record.merged_at <= p.at.now && r.training != Training::made_again)
        ++r.record.late_updates;
    kind = p.merging.late.take(a, m.base_epoch);
    if (kind == Kind::late_dropped) {
      drop_late(p, a, fx);
      return true;
    }
  }
  if (!m.finite) {
    return drop(p, {"update", m.client, m.job, std::nullopt, m.base_version, p.at.updates, p.at.now},
                a.staleness, fx);
  }
  count(p, m);
  const auto staleness = a.staleness;
  auto plan = lineage.add(std::move(a), p.at.now);
  if (lineage.keeps_waiting()) tasks.withdraw(m.client);
  if (plan) {
    LateUpdates::settle(kind, *plan);
    p.merging.queue.push(UpdateMerge{std::move(*plan), {kind}});
  } else {
    p.decide(Kind::buffered, m.client, staleness, 0, fx);
  }
  return true;
}

}  // namespace

bool take(Parts& p, const Update& m, Effects& fx) {
  if (p.observers.audited) p.observers.audited->take(m, fx);
  const auto& t = p.trainers.tasks[m.client];
  const bool excluded = p.trainers.roster[m.client].excluded();
  const auto reject = [&] { p.decide(Kind::rejected, m.client, p.at.version - m.base_version, 0, fx); };
  if (m.job != t.job || (!t.busy && !excluded)) {  // a job that was abandoned for a newer one
    ++p.account.unused.rejected_updates;
    if (p.lineage().predates(m.client, m.base_version)) reject();
    return false;
  }
  p.account.samples_trained += static_cast<std::uint64_t>(m.passes);
  if (excluded) {
    ++p.account.unused.rejected_updates;
    reject();
    for (auto& r : p.requests)
      if (r.request.client == m.client && !r.in<stage::Ahead>()) ++r.record.lost_updates;
    return false;
  }
  if (!accept(p, m, fx)) return false;
  end_round(p);
  reckon(p, fx);
  return true;
}

bool take(Parts& p, const Dropped& m, Effects& fx) {
  auto& tasks = p.trainers.tasks;
  if (m.job != 0 && m.job != tasks[m.client].job) return false;
  for (auto& r : p.requests) {  // asked again: the barrier waits for it
    auto* collecting = std::get_if<stage::Collecting>(&r.stage);
    if (!collecting) continue;
    if (auto i = collecting->out.find(m.client); i != collecting->out.end()) {
      i->second.job = tasks.renumber(m.client);
      hand_out(p, i->second, m.client, fx);
      return true;
    }
  }
  if (!tasks[m.client].busy) return false;
  ++p.account.unused.lost_jobs;
  tasks.release(m.client);
  end_round(p);
  reckon(p, fx);
  return true;
}

void hand_out(Parts& p, Effects& fx) {
  const auto clients = p.trainers.tasks.next(p.lineage().rule().synchronous(), p.at.now);
  if (clients.size() > 16) fx.posts.reserve(fx.posts.size() + clients.size());
  auto& memory = p.merging.memory;
  for (auto c : clients) {
    if (memory.keeps_bases()) p.trainers.tasks.keep(c, memory.base(p.at.model, p.lineage().rule()));
    fx.posts.push_back(to_client(p, c, task_of(p, c)));
  }
}

void hand_out(const Parts& p, const CollectTask& work, std::uint32_t client, Effects& fx) {
  fx.posts.push_back(to_client(p, client, work));
}

void end_round(Parts& p) {
  if (!p.trainers.tasks.end_round()) return;
  if (auto plan = p.lineage().flush()) {
    std::vector<Kind> kinds(plan->parts.size(), Kind::merged);
    p.merging.queue.push(UpdateMerge{std::move(*plan), std::move(kinds)});
    p.trainers.tasks.count_round();
  }
}

void reckon(Parts& p, Effects& fx) {
  const auto rounds = p.trainers.tasks.rounds();
  for (auto& post : p.requests.due(p.at.updates, rounds)) fx.posts.push_back(std::move(post));
  const auto& stop = p.scenario().stop;
  const auto reached = [&](std::uint64_t done, std::int64_t limit) {
    if (limit <= 0) return false;
    const auto most = static_cast<std::uint64_t>(limit);
    return p.requests.retraining() ? done / longest_retraining >= most : done >= most;
  };
  if (reached(p.at.updates, stop.updates) || reached(rounds, stop.rounds)) p.account.stopped = true;
}

}  // namespace afu::federate
