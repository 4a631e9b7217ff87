/// Merges: of updates, erasures and calibrations, one at a time, each computed elsewhere.
#include <algorithm>
#include <utility>

#include "federate/coordinator.hpp"

namespace afu::federate {

using Kind = record::Decision::Kind;

// -------------------------------------------------------------------------------------------------------

void Coordinator::start_merge(Effects& fx) {
  merging_ = true;
  auto& merge = merges_.front();
  if (timing()) return finish_merge({}, fx);
  compute::CombineJob job;
  compute::Combination c{model_, 1.0, {}, {}};
  if (merge.plan) {
    c.keep = merge.plan->keep;
    for (const auto& part : merge.plan->parts) {
      const auto& a = part.arrival;
      if (merge.plan->whole_model) {
        c.terms.push_back({part.coefficient, a.base, nullptr});
        for (const auto& [weight, vector] : a.rebase)
          c.terms.push_back({part.coefficient * weight, vector, nullptr});
      }
      c.terms.push_back({part.coefficient, a.delta, a.guard});
      c.buffers.emplace_back(part.coefficient, a.delta);
    }
    job.outputs.push_back(std::move(c));
    ledger_.extend(*merge.plan, job);
  } else {
    const auto* tracked = ledger_.find(requests_[merge.request].request.client);
    if (merge.influence_gain && rule_->whole_model() && tracked && tracked->influence)
      c.terms.push_back({-*merge.influence_gain, tracked->influence, nullptr});
    else if (merge.delta)
      c.terms.push_back({1.0, merge.delta, nullptr});
    job.outputs.push_back(std::move(c));
  }
  fx.merge = std::move(job);
}

void Coordinator::merged(double now, const std::vector<ParametersPtr>& outputs, Effects& fx) {
  now_ = now;
  finish_merge(outputs, fx);
  settle(fx);
}

void Coordinator::finish_merge(const std::vector<ParametersPtr>& outputs, Effects& fx) {
  const auto merge = std::move(merges_.front());
  merges_.pop_front();
  merging_ = false;
  if (!outputs.empty()) model_ = outputs.front();
  ++version_;
  if (merge.plan) {
    ledger_.apply(*merge.plan, outputs, 1);
    history_bytes_ = std::max(history_bytes_, static_cast<std::uint64_t>(ledger_.bytes()));
    for (std::size_t i = 0; i < merge.plan->parts.size(); ++i) {
      const auto& part = merge.plan->parts[i];
      decide(i < merge.kinds.size() ? merge.kinds[i] : Kind::merged, part.arrival.client,
             part.arrival.staleness, part.coefficient, fx);
    }
    published(fx);
    return;
  }
  auto& a = requests_[merge.request];
  const auto* tracked = ledger_.find(a.request.client);
  std::pair<double, ParametersPtr> applied{1.0, merge.delta};
  if (merge.influence_gain && rule_->whole_model() && tracked && tracked->influence)
    applied = {-*merge.influence_gain, tracked->influence};
  if (merge.erasure) {
    ++epoch_;
    a.record.merged_at = now_;
    corrections_.push_back({epoch_, {}, true});
    dense_until_ = version_ + static_cast<std::uint64_t>(scenario().evaluation.dense_updates);
    if (a.request.samples_only) readmit(a);
  }
  // A rebase carries what was done to the model up to the point where it counts as erased (AFU-IC.md step 6).
  if (applied.second && !a.record.forgotten_at && !corrections_.empty() && corrections_.back().open)
    corrections_.back().vectors.push_back(applied);
  decide(merge.erasure ? Kind::erasure_merged : Kind::calibration_merged, a.request.client, 0, 1.0, fx);
  published(fx);
  a.waiting = Active::Waiting::turn;
}

void Coordinator::published(Effects& fx) {
  const auto every = static_cast<std::uint64_t>(scenario().evaluation.every_updates);
  const bool due = every > 0 && updates_ / every != last_evaluated_updates_ / every;
  if (due || version_ <= dense_until_) evaluate(false, fx);
}

/// What is left to do once a message has been taken: the next merge, procedures that wait, work for idle
/// clients.
void Coordinator::settle(Effects& fx) {
  if (merging_) return;
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
          (a.waiting == W::updates && updates_ >= a.wait_until)) {
        advance(i, nullptr, fx);
        moved = true;
      }
    }
    if (!moved) break;
  }
  if (needs_work_) give_work(fx);
  fx.stop = stopped_;
}

}  // namespace afu::federate
