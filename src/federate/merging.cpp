#include "federate/merging.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "config/scenario.hpp"
#include "engine/combine_job.hpp"
#include "federate/cluster_duties.hpp"
#include "federate/ending.hpp"
#include "federate/questions.hpp"

namespace afu::federate {

using Kind = record::Decision::Kind;

namespace {

// ---- begin: the job of a merge; none: the rule's question has to be answered first

std::optional<engine::CombineJob> job_of(Parts& p, UpdateMerge& m, Effects& fx) {
  if (auto question = rule_question(m, p.lineage(), p.at)) {
    fx.merge = std::move(question);
    return std::nullopt;
  }
  if (p.at.timing()) return engine::CombineJob{};
  return update_job(m, p.lineage(), p.merging.memory.ledger(), p.observers.guards.get(), p.at);
}

std::optional<engine::CombineJob> job_of(Parts& p, CorrectionMerge& m, Effects&) {
  if (p.at.timing()) return engine::CombineJob{};
  return correction_job(m, p.lineage(), p.merging.memory.ledger(), p.at);
}

std::optional<engine::CombineJob> job_of(Parts& p, RequestMerge& m, Effects&) {
  if (p.at.timing()) return engine::CombineJob{};
  const auto& ledger = p.merging.memory.ledger();
  const bool whole_model = p.lineage().rule().whole_model();
  auto job = request_job(m, p.requests[m.request].request.client, whole_model, ledger, guards(p), p.at);
  extend_by_rests(m, whole_model, ledger, job);
  return job;
}

std::optional<engine::CombineJob> job_of(Parts& p, ProfilesMerge&, Effects& fx) {
  note_held(p, fx);
  if (p.at.timing()) return engine::CombineJob{};
  return p.merging.clusters->profiling()->question();
}

std::optional<engine::CombineJob> job_of(Parts& p, RollBackMerge& m, Effects&) { return roll_back_job(p, m); }

// ---- end: what the result of the job brings about

/// Has every gate look at a merge that has just led from `before` to the version that stands.
void look(Parts& p, const aggregate::MergePlan& plan, const ParametersPtr& before, Effects& fx) {
  if (!p.observers.gates) return;
  for (auto& task : p.observers.gates->look(plan, before, p.at)) {
    p.requests[task.request].record.server_passes += task.passes;
    fx.posts.push_back(to_calibrator(std::move(task)));
  }
}

void finish(Parts& p, UpdateMerge& m, const job::JobResult& result, Effects& fx) {
  const auto& plan = m.plan;
  const auto& outputs = result.outputs;
  const auto before = p.at.model;
  p.at.publish(p.lineage().merged(plan, outputs, p.at.version + 1));
  if (p.observers.guards) p.observers.guards->note(result);
  look(p, plan, before, fx);
  p.merging.memory.ledger().apply(plan, outputs, 1);
  p.lineage().rule(plan).apply(plan, outputs, m.rule_outputs);
  p.merging.memory.history().record(plan, before, p.at.model, p.at.version);
  if (p.requests.size() > 0)
    for (const auto& part : plan.parts) p.merging.updates.merged(part.arrival.client, p.at.version);
  note_held(p, fx);
  for (std::size_t i = 0; i < plan.parts.size(); ++i) {
    const auto& part = plan.parts[i];
    p.decide(i < m.kinds.size() ? m.kinds[i] : Kind::merged, part.arrival.client, part.arrival.staleness,
             part.coefficient, fx);
  }
  published(p, fx);
}

void finish(Parts& p, CorrectionMerge& m, const job::JobResult& result, Effects& fx) {
  p.at.publish(result.outputs.empty() ? nullptr : result.outputs.front());
  p.merging.memory.ledger().apply(m.plan, result.outputs, 1);
  for (const auto& part : m.plan.parts)
    p.decide(Kind::gated, part.arrival.client, part.arrival.staleness, part.coefficient, fx);
  published(p, fx);
}

/// Clients that stay lose by it what they had contributed.
void withdrawn(const Parts& p, ServedRequest& r, const RequestMerge& m) {
  for (const auto& part : m.taken) {
    const auto* tracked = p.merging.memory.ledger().find(part.client);
    if (part.client == r.request.client || !tracked) continue;
    *r.record.updates_lost += static_cast<std::int64_t>(
        p.lineage().rule().whole_model() ? tracked->contributions : part.contributions);
  }
}

void finish(Parts& p, RequestMerge& m, const job::JobResult& result, Effects& fx) {
  auto& r = p.requests[m.request];
  const auto& outputs = result.outputs;
  p.at.publish(outputs.empty() ? nullptr : outputs.front());
  if (m.by_accumulator && outputs.size() > 1)
    p.merging.memory.ledger().apply_removal(r.request.client, outputs, 2, p.lineage().rule().whole_model());
  if (!m.taken.empty()) {
    withdrawn(p, r, m);
    take_out(m, p.lineage().rule().whole_model(), outputs, p.merging.memory.ledger());
    r.taken_out = true;
  }
  for (auto& c : r.calibrations.merged(p.at, m.weight, p.account.calibrations, r.record.calibrations))
    fx.calibrations.push_back(std::move(c));
  if (m.erasure) {
    r.calibrations.count_from(p.at);
    erased(p, r);
    if (r.request.scope == methods::Scope::samples) readmit(p, r);
    if (r.taken_out) p.requests.call_next();
  }
  if (!r.record.forgotten_at) {
    // A rebase carries what was done to the model up to the point where it counts as erased.
    const bool differs = m.own_outputs > 1;
    p.merging.late.corrected(differs ? 1.0 : m.weight, differs ? outputs[1] : m.delta);
  }
  p.decide(m.erasure ? Kind::erasure_merged : Kind::calibration_merged, r.request.client, 0, m.weight, fx);
  published(p, fx);
  r.stage = stage::Ready{};
}

void finish(Parts& p, ProfilesMerge&, const job::JobResult& result, Effects& fx) {
  form_clusters(p, result.numbers, fx);
}

void finish(Parts& p, RollBackMerge& m, const job::JobResult& result, Effects& fx) {
  roll_back(p, m, result.outputs, fx);
}

void end_merge(Parts& p, const job::JobResult& result, Effects& fx) {
  auto merge = p.merging.queue.end();
  std::visit([&](auto& m) { finish(p, m, result, fx); }, merge);
}

}  // namespace

void begin_merge(Parts& p, Effects& fx) {
  auto job = std::visit([&](auto& m) { return job_of(p, m, fx); }, p.merging.queue.begin());
  if (!job) return;
  if (p.at.timing()) return end_merge(p, {}, fx);
  fx.merge = std::move(job);
}

bool take_merge(Parts& p, const job::JobResult& result, Effects& fx) {
  auto& queue = p.merging.queue;
  if (result.not_finite) {
    diverge(p, divergence_of(p, queue.end()), fx);
    return false;
  }
  if (auto* m = std::get_if<UpdateMerge>(&queue.current());
      m && p.lineage().rule(m->plan).asks() && !m->weighed) {
    weigh(*m, p.lineage(), result.numbers);
    begin_merge(p, fx);
    return false;
  }
  end_merge(p, result, fx);
  return true;
}

void erased(Parts& p, ServedRequest& r) {
  ++p.at.epoch;
  r.erased(p.at.now);
  p.merging.late.erased(p.at.epoch);
  p.measurements.watch_closely(p.at);
}

void replace(Parts& p, ServedRequest& r, const methods::Replace& step, const ParametersPtr& model,
             Effects& fx) {
  p.at.publish(model);
  r.calibrations.count_from(p.at);
  if (!r.record.merged_at) erased(p, r);
  p.merging.late.corrected(1.0, step.erasure);
  auto& memory = p.merging.memory;
  if (r.ledger) memory.ledger() = *std::exchange(r.ledger, std::nullopt);
  if (step.rewinds) {
    memory.history().rewind(step.holds);
    p.trainers.step_sizes.go_back(step.holds, p.course());
  }
  p.decide(Kind::replaced, r.request.client, 0, 1.0, fx);
  count_lost(p, r, step.holds, fx);
  p.measure(fx);
}

void count_lost(Parts& p, ServedRequest& r, std::uint64_t holds, const MergedUpdates::Who& among,
                Effects& fx) {
  const auto lost = p.merging.updates.lose(holds, among, [&](std::uint32_t client) {
    return client != r.request.client && !p.trainers.roster[client].excluded();
  });
  *r.record.updates_lost += lost;
  fx.decisions.back().updates_lost = lost;
}

void count_lost(Parts& p, ServedRequest& r, std::uint64_t holds, Effects& fx) {
  count_lost(
      p, r, holds, [](std::uint32_t) { return true; }, fx);
}

void published(Parts& p, Effects& fx) {
  if (p.measurements.due(p.at)) p.measure(fx);
}

void note_held(Parts& p, Effects& fx) {
  auto bytes = p.merging.memory.bytes() + p.lineage().bytes();
  if (p.observers.heads) bytes += p.observers.heads->bytes();
  if (p.observers.guards) bytes += p.observers.guards->bytes();
  auto& a = p.account;
  a.most_held = std::max(a.most_held, static_cast<std::uint64_t>(bytes));
  const double budget = p.scenario().unlearning.history_budget_mb;
  if (static_cast<double>(bytes) <= budget * 1e6 || a.stopped) return;
  a.stopped = true;
  fx.failure = fmt::format(
      "server: the method '{}' now holds {:.0f} MB of history, unlearning.history_budget_mb is {}; after {} "
      "updates",
      p.method.name, static_cast<double>(bytes) / 1e6, budget, p.at.updates);
}

void readmit(Parts& p, const ServedRequest& r) {
  const auto client = r.request.client;
  if (!p.trainers.roster.readmit(client, r.request.index)) return;
  p.trainers.tasks.renumber(client);  // what it may still be working on is void
  p.trainers.tasks.admit(client);
}

std::vector<engine::GuardPtr> guards(const Parts& p) {
  return p.observers.guards ? p.observers.guards->all() : std::vector<engine::GuardPtr>{};
}

}  // namespace afu::federate
