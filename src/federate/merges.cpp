#include "federate/merges.hpp"
#include "engine/combine_job.hpp"

#include <algorithm>
#include <utility>

namespace afu::federate {

namespace {

/// Whether there is more than what was taken out, so that what is left has to be computed.
bool has_rest(const ParametersPtr& taken, const ParametersPtr& now) { return taken && now && now != taken; }

void append_rest(const ParametersPtr& taken, const ParametersPtr& now, engine::CombineJob& job) {
  if (has_rest(taken, now)) job.outputs.push_back({now, 1.0, {{-1.0, taken, nullptr}}, {}});
}

/// What is left; where it was computed it is the output `next`, which is moved on.
ParametersPtr rest_of(const ParametersPtr& taken, const ParametersPtr& now,
                      const std::vector<ParametersPtr>& outputs, std::size_t& next) {
  if (has_rest(taken, now)) return outputs.at(next++);
  return taken ? nullptr : now;
}

}  // namespace

Merge& MergeQueue::begin() {
  busy_ = true;
  return waiting_.front();
}

Merge MergeQueue::end() {
  auto merge = std::move(waiting_.front());
  waiting_.pop_front();
  busy_ = false;
  return merge;
}

std::size_t MergeQueue::updates() const {
  std::size_t n = 0;
  for (const auto& merge : waiting_)
    if (const auto* m = std::get_if<UpdateMerge>(&merge)) n += m->plan.parts.size();
  return n;
}

std::optional<engine::CombineJob> rule_question(UpdateMerge& merge, Lineage& lineage, const Progress& at) {
  auto& rule = lineage.rule(merge.plan);
  if (!rule.asks() || merge.weighed) return std::nullopt;
  engine::CombineJob question;
  if (!at.timing()) rule.ask(merge.plan, lineage.base(merge.plan, at), question);
  if (!question.outputs.empty()) return question;
  weigh(merge, lineage, {});
  return std::nullopt;
}

void weigh(UpdateMerge& merge, Lineage& lineage, const std::vector<double>& numbers) {
  lineage.rule(merge.plan).weigh(merge.plan, numbers);
  merge.weighed = true;
}

engine::CombineJob update_job(UpdateMerge& merge, Lineage& lineage, aggregate::Ledger& ledger, Guards* guards,
                              const Progress& at) {
  auto& plan = merge.plan;
  engine::Combination c{lineage.base(plan, at), plan.keep, {}, {}};
  if (guards) {
    for (auto& part : plan.parts) part.arrival.guards = guards->all();
    c.pulls = guards->pulls(at.updates);
  }
  for (const auto& part : plan.parts) {
    const auto& a = part.arrival;
    if (plan.whole_model) {
      c.terms.push_back({part.coefficient, a.base, nullptr});
      for (const auto& [weight, vector] : a.rebase)
        c.terms.push_back({part.coefficient * weight, vector, nullptr});
    }
    c.terms.push_back({part.coefficient, a.delta, a.guard, a.guards});
    if (!a.late) c.buffers.emplace_back(std::min(1.0, part.coefficient), a.delta);
  }
  engine::CombineJob job;
  job.outputs.push_back(std::move(c));
  ledger.extend(plan, job);
  merge.rule_outputs = job.outputs.size();
  lineage.rule(plan).extend(plan, job);
  lineage.extend(plan, job);
  return job;
}

engine::CombineJob correction_job(const CorrectionMerge& merge, const Lineage& lineage,
                                  aggregate::Ledger& ledger, const Progress& at) {
  engine::Combination c{lineage.base(merge.plan, at), 1.0, {}, {}};
  for (const auto& part : merge.plan.parts)
    c.terms.push_back({part.coefficient, part.arrival.delta, part.arrival.guard, part.arrival.guards});
  engine::CombineJob job;
  job.outputs.push_back(std::move(c));
  ledger.extend(merge.plan, job);
  return job;
}

void extend_by_rests(RequestMerge& merge, bool whole_model, const aggregate::Ledger& ledger,
                     engine::CombineJob& job) {
  merge.own_outputs = job.outputs.size();
  if (whole_model) return;
  for (const auto& part : merge.taken) {
    const auto* tracked = ledger.find(part.client);
    if (!tracked) continue;
    append_rest(part.influence, tracked->influence, job);
    for (const auto& [number, influence] : part.shards)
      append_rest(influence, tracked->shards.at(number), job);
  }
}

void take_out(const RequestMerge& merge, bool whole_model, const std::vector<ParametersPtr>& outputs,
              aggregate::Ledger& ledger) {
  auto next = merge.own_outputs;
  for (auto part : merge.taken) {
    const auto* tracked = ledger.find(part.client);
    if (!tracked) continue;
    if (!part.shards.empty()) {
      std::vector<ParametersPtr> rests;
      for (const auto& [number, influence] : part.shards)
        rests.push_back(rest_of(influence, tracked->shards.at(number), outputs, next));
      ledger.take_out_shards(part, std::move(rests));
      continue;
    }
    ParametersPtr rest;
    if (whole_model)
      part.contributions = tracked->contributions;
    else
      rest = rest_of(part.influence, tracked->influence, outputs, next);
    ledger.take_out(part, std::move(rest));
  }
}

engine::CombineJob request_job(const RequestMerge& merge, std::uint32_t client, bool whole_model,
                               const aggregate::Ledger& ledger, const std::vector<engine::GuardPtr>& guards,
                               const Progress& at) {
  engine::CombineJob job;
  if (merge.by_accumulator) {
    job.outputs = ledger.removal(client, at.model, whole_model);
  } else {
    engine::Combination c{at.model, 1.0, {}, {}};
    const auto passed = merge.erasure ? std::vector<engine::GuardPtr>{} : guards;
    if (merge.influence_gain && whole_model)
      for (const auto& part : merge.taken)
        if (const auto* tracked = ledger.find(part.client); tracked && tracked->influence)
          c.terms.push_back({-*merge.influence_gain, tracked->influence, nullptr});
    const bool of_ledger = !c.terms.empty();
    if (!of_ledger && merge.delta) c.terms.push_back({merge.weight, merge.delta, nullptr, passed});
    if (merge.calibration) c.terms.push_back({1.0, merge.calibration, nullptr, guards});
    // What a rebase has to add, and a guard to hold late updates against.
    const bool differs = !guards.empty() && !merge.erasure && !c.terms.empty();
    if (differs || merge.calibration || of_ledger) job.outputs.push_back({nullptr, 1.0, c.terms, {}});
    job.outputs.insert(job.outputs.begin(), std::move(c));
  }
  if (merge.statistics) job.outputs.front().buffers = {{1.0, merge.statistics}};
  return job;
}

}  // namespace afu::federate
