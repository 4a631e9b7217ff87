/// Merges: of updates, erasures and calibrations, one at a time, each computed elsewhere.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "config/scenario.hpp"
#include "engine/combine_job.hpp"
#include "federate/coordinator.hpp"

namespace afu::federate {

using Kind = record::Decision::Kind;

/// All parts of a plan are of one cluster.
Coordinator::Merge Coordinator::merge_of(aggregate::MergePlan plan, std::vector<Kind> kinds) const {
  Merge merge;
  if (clusters_) merge.cluster = clusters_->index(plan.parts.front().arrival.client);
  merge.plan = std::move(plan);
  merge.kinds = std::move(kinds);
  return merge;
}

void Coordinator::start_merge(Effects& fx) {
  merging_ = true;
  auto& merge = merges_.front();
  if (merge.of != Merge::Of::model) return start_cluster_job(merge, fx);
  auto& rule = rule_of(merge);
  const auto model = merge.cluster ? clusters_->model_of(*merge.cluster) : model_;
  const bool correction = merge.plan && merge.plan->correction;
  if (merge.plan && !correction && rule.asks() && !merge.weighed) {
    engine::CombineJob question;
    if (!timing()) rule.ask(*merge.plan, model, question);
    if (!question.outputs.empty()) {
      fx.merge = std::move(question);
      return;
    }
    weigh(merge, {});
  }
  if (timing()) return finish_merge({}, fx);
  engine::CombineJob job;
  engine::Combination c{model, 1.0, {}, {}};
  if (correction) {
    for (const auto& part : merge.plan->parts)
      c.terms.push_back({part.coefficient, part.arrival.delta, part.arrival.guard, part.arrival.guards});
    job.outputs.push_back(std::move(c));
    ledger_.extend(*merge.plan, job);
  } else if (merge.plan) {
    c.keep = merge.plan->keep;
    guard_merge(merge, c);
    for (const auto& part : merge.plan->parts) {
      const auto& a = part.arrival;
      if (merge.plan->whole_model) {
        c.terms.push_back({part.coefficient, a.base, nullptr});
        for (const auto& [weight, vector] : a.rebase)
          c.terms.push_back({part.coefficient * weight, vector, nullptr});
      }
      c.terms.push_back({part.coefficient, a.delta, a.guard, a.guards});
      if (!a.late) c.buffers.emplace_back(std::min(1.0, part.coefficient), a.delta);
    }
    job.outputs.push_back(std::move(c));
    ledger_.extend(*merge.plan, job);
    merge.rule_outputs = job.outputs.size();
    rule.extend(*merge.plan, job);
    if (merge.cluster) job.outputs.push_back(clusters_->published(*merge.cluster, job.outputs.front()));
  } else {
    job = request_job(merge);
    if (merge.statistics) job.outputs.front().buffers = {{1.0, merge.statistics}};
  }
  fx.merge = std::move(job);
}

/// Of an erasure or a calibration: the version that it makes, then, where that is not known beforehand, the
/// difference that it adds; after an erasure by the accumulators those of the others.
engine::CombineJob Coordinator::request_job(const Merge& merge) const {
  const auto client = requests_[merge.request].request.client;
  if (merge.by_accumulator) return {ledger_.removal(client, model_, rule_->whole_model())};
  engine::Combination c{model_, 1.0, {}, {}};
  const auto* tracked = ledger_.find(client);
  const auto all = guards();
  const auto passed = merge.erasure ? std::vector<engine::GuardPtr>{} : all;
  const bool of_ledger = merge.influence_gain && rule_->whole_model() && tracked && tracked->influence;
  if (of_ledger)
    c.terms.push_back({-*merge.influence_gain, tracked->influence, nullptr});
  else if (merge.delta)
    c.terms.push_back({merge.weight, merge.delta, nullptr, passed});
  if (merge.calibration) c.terms.push_back({1.0, merge.calibration, nullptr, all});
  engine::CombineJob job;
  // What a rebase has to add, and a guard to hold late updates against.
  if ((!all.empty() && !merge.erasure && !c.terms.empty()) || merge.calibration || of_ledger)
    job.outputs.push_back({nullptr, 1.0, c.terms, {}});
  job.outputs.insert(job.outputs.begin(), std::move(c));
  return job;
}

void Coordinator::weigh(Merge& merge, const std::vector<double>& numbers) {
  rule_of(merge).weigh(*merge.plan, numbers);
  merge.weighed = true;
}

void Coordinator::merged(double now, const job::JobResult& result, Effects& fx) {
  now_ = now;
  auto& merge = merges_.front();
  if (result.not_finite) {
    const auto what = divergence_of(merge);
    merges_.pop_front();
    merging_ = false;
    return diverge(what, fx);
  }
  if (merge.of == Merge::Of::profiles) {
    assign_clusters(result.numbers, fx);
    return settle(fx);
  }
  if (merge.plan && !merge.plan->correction && rule_of(merge).asks() && !merge.weighed) {
    weigh(merge, result.numbers);
    return start_merge(fx);
  }
  finish_merge(result, fx);
  settle(fx);
}

void Coordinator::finish_merge(const job::JobResult& result, Effects& fx) {
  const auto& outputs = result.outputs;
  const auto merge = std::move(merges_.front());
  merges_.pop_front();
  merging_ = false;
  if (merge.of == Merge::Of::rollback) return roll_back(merge, outputs, fx);
  const auto before = model_;
  if (!outputs.empty()) model_ = merge.cluster ? outputs.back() : outputs.front();
  ++version_;
  if (merge.plan && merge.plan->correction) {
    ledger_.apply(*merge.plan, outputs, 1);
    for (const auto& part : merge.plan->parts)
      decide(Kind::gated, part.arrival.client, part.arrival.staleness, part.coefficient, fx);
    return published(fx);
  }
  if (merge.plan) {
    note_guards(result);
    probe(merge, before, fx);
    if (merge.cluster)
      clusters_->merged(*merge.cluster, *merge.plan, outputs.empty() ? nullptr : outputs.front(), version_);
    ledger_.apply(*merge.plan, outputs, 1);
    rule_of(merge).apply(*merge.plan, outputs, merge.rule_outputs);
    history_.record(*merge.plan, before, model_);
    keep(stored_bytes(), fx);
    for (std::size_t i = 0; i < merge.plan->parts.size(); ++i) {
      const auto& part = merge.plan->parts[i];
      decide(i < merge.kinds.size() ? merge.kinds[i] : Kind::merged, part.arrival.client,
             part.arrival.staleness, part.coefficient, fx);
    }
    published(fx);
    return;
  }
  auto& a = requests_[merge.request];
  std::pair<double, ParametersPtr> applied{merge.weight, merge.delta};
  if (merge.by_accumulator && outputs.size() > 1) {
    ledger_.apply_removal(a.request.client, outputs, 2, rule_->whole_model());
  }
  if (outputs.size() > 1) applied = {1.0, outputs[1]};
  calibration_merged(a, merge, version_ - 1, fx);
  if (merge.erasure) {
    ++epoch_;
    a.calibrated_updates = updates_;
    a.record.merged_at = now_;
    corrections_.push_back({epoch_, {}});
    dense_until_ = version_ + static_cast<std::uint64_t>(scenario().evaluation.dense_updates);
    if (a.request.scope == methods::Scope::samples) readmit(a);
  }
  // A rebase carries what was done to the model up to the point where it counts as erased
  // (src/federate/README.md, Late updates).
  if (applied.second && !a.record.forgotten_at && !corrections_.empty())
    corrections_.back().vectors.push_back(applied);
  decide(merge.erasure ? Kind::erasure_merged : Kind::calibration_merged, a.request.client, 0, merge.weight,
         fx);
  published(fx);
  a.waiting = Active::Waiting::turn;
}

std::int64_t Coordinator::stored_bytes() const {
  auto bytes = ledger_.bytes() + history_.bytes() + (clusters_ ? clusters_->bytes() : 0);
  for (const auto& [client, head] : auxiliary_) bytes += model::byte_size(head);
  for (const auto& guard : guards()) {
    bytes += model::byte_size(guard->erasure);
    for (const auto& u : guard->basis) bytes += model::byte_size(u);
  }
  return bytes;
}

/// Notes what is held for the method now; ends the run where that is more than it may be.
void Coordinator::keep(std::int64_t bytes, Effects& fx) {
  history_bytes_ = std::max(history_bytes_, static_cast<std::uint64_t>(bytes));
  const double budget = scenario().unlearning.history_budget_mb;
  if (static_cast<double>(bytes) <= budget * 1e6 || stopped_) return;
  stopped_ = true;
  fx.failure = fmt::format(
      "server: the method '{}' now holds {:.0f} MB of history, unlearning.history_budget_mb is {}; after {} "
      "updates",
      method_.name, static_cast<double>(bytes) / 1e6, budget, updates_);
}

void Coordinator::published(Effects& fx) {
  const auto every = static_cast<std::uint64_t>(scenario().evaluation.every_updates);
  const bool due = every > 0 && updates_ / every != last_evaluated_updates_ / every;
  if (due || version_ <= dense_until_) evaluate(fx);
}

/// What is left to do once a message has been taken: the next merge, procedures that wait, work for idle
/// clients.
void Coordinator::settle(Effects& fx) {
  if (merging_) return;
  fx.stop = stopped_;
  if (divergence_) return;
  for (;;) {
    if (!merges_.empty()) {
      start_merge(fx);
      if (merging_) return;
      continue;
    }
    bool moved = false;
    for (std::size_t i = 0; i < requests_.size() && !moved; ++i) {
      auto& a = requests_[i];
      using W = Active::Waiting;
      if (a.waiting == W::turn || (a.waiting == W::drain && in_flight_ == 0) ||
          (a.waiting == W::updates && updates_ >= a.wait_until) ||
          (a.waiting == W::cluster && clusters_->caught_up(a.request.client))) {
        advance(i, nullptr, fx);
        moved = true;
      }
    }
    if (!moved && !end_profiling() && !choose_cluster(fx)) break;
  }
  judge_clusters(fx);
  if (needs_work_) give_work(fx);
  fx.stop = stopped_;
}

}  // namespace afu::federate
