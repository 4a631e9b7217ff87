/// What is recorded of calibrations, and the guards that deltas pass after an erasure
/// (src/calibrate/README.md, Guard).
#include <algorithm>
#include <string>
#include <utility>

#include "config/scenario.hpp"
#include "data/calibration_set.hpp"
#include "engine/combine_job.hpp"
#include "federate/coordinator.hpp"

namespace afu::federate {

std::vector<data::IndicesPtr> Coordinator::environments() const {
  std::vector<data::IndicesPtr> all;
  if (!setup_.data) return all;
  for (std::size_t i = 0; i < setup_.data->calibration.size() && i < clients_.size(); ++i)
    if (!clients_[i].asked && !setup_.data->calibration[i]->empty())
      all.push_back(setup_.data->calibration[i]);
  return all;
}

std::pair<data::IndicesPtr, std::int64_t> Coordinator::calibration_rows(std::int64_t most) const {
  if (setup_.data) {
    auto rows = data::spread_rows(environments(), static_cast<std::size_t>(most));
    const auto count = static_cast<std::int64_t>(rows->size());
    return {std::move(rows), count};
  }
  const auto stay = std::count_if(clients_.begin(), clients_.end(), [](const Client& c) { return !c.asked; });
  return {nullptr, std::min(most, scenario().calibration.samples_per_environment * stay)};
}

/// Only a CalibrateJob is a calibration; what prepares one costs, and is not counted as one.
void Coordinator::calibration_posted(Active& a, const methods::Calibrate& s) {
  const auto* job = s.job.as<calibrate::CalibrateJob>();
  if (!job) return;
  record::CalibrationRecord r;
  r.client = a.record.client;
  r.epoch = epoch_;
  r.base_version = version_;
  r.began = now_;
  r.updates_since = updates_ - a.calibrated_updates;
  r.steps = job->descent.steps;
  r.passes = s.passes;
  if (a.calibration) {
    a.calibration->ended = now_;
    a.in_private.push_back(*a.calibration);
  }
  a.calibrated_updates = updates_;
  a.calibration = r;
}

void Coordinator::calibration_computed(Active& a, const job::JobResult* result) {
  if (!a.calibration || !result) return;
  auto& r = *a.calibration;
  const auto figure = [&](const char* name) -> std::optional<double> {
    const auto i = result->figures.find(name);
    return i == result->figures.end() ? std::nullopt : std::optional<double>(i->second);
  };
  r.samples = result->samples;
  r.loss_before = figure("loss_before"), r.loss_after = figure("loss_after");
  r.risk_before = figure("risk_before"), r.risk_after = figure("risk_after");
  r.kl_before = figure("kl_before"), r.kl_after = figure("kl_after");
  r.kd_before = figure("kd_before"), r.kd_after = figure("kd_after");
  r.penalty_before = figure("penalty_before"), r.penalty_after = figure("penalty_after");
  r.norm = figure("norm"), r.cosine = figure("cosine");
  r.penalty_reference = figure("penalty_reference");
}

/// `before`: the version that it was merged into.
void Coordinator::calibration_merged(Active& a, const Merge& merge, std::uint64_t before, Effects& fx) {
  if (!a.calibration) return;
  a.calibration->ended = now_;
  a.in_private.push_back(*std::exchange(a.calibration, std::nullopt));
  auto& totals = a.record.calibrations;
  for (auto& r : std::exchange(a.in_private, {})) {
    r.number = ++calibrations_;
    r.merged_version = version_;
    r.staleness = before - r.base_version;
    r.weight = merge.weight;
    ++totals.count;
    totals.staleness_sum += r.staleness;
    totals.steps += r.steps;
    totals.samples += r.samples;
    totals.passes += r.passes;
    totals.seconds += r.ended - r.began;
    fx.calibrations.push_back(r);
  }
}

void Coordinator::perform(Active& a, methods::GuardErasure& s, Effects&) {
  if (!s.guard) return;  // a timing-only run
  a.guard = std::move(s);
  a.guarded = a.guard->restore > 0 ? model_ : nullptr;
  a.restored_updates = updates_;
  if (!a.record.guard) a.record.guard.emplace();
}

std::vector<engine::GuardPtr> Coordinator::guards() const {
  std::vector<engine::GuardPtr> all;
  for (const auto& a : requests_)
    if (a.guard) all.push_back(a.guard->guard);
  return all;
}

/// Has the plan's updates pass the guards, and pulls the model back where that is due.
void Coordinator::guard_merge(Merge& merge, engine::Combination& model) {
  const auto all = guards();
  if (all.empty()) return;
  for (auto& part : merge.plan->parts) part.arrival.guards = all;
  for (auto& a : requests_) {
    if (!a.guard || !a.guarded || updates_ - a.restored_updates < a.guard->restore_every) continue;
    model.pulls.push_back({a.guard->guard, a.guarded, a.guard->restore});
    a.restored_updates = updates_;
  }
}

void Coordinator::note_guards(const job::JobResult& result) {
  std::size_t i = 0;
  for (auto& a : requests_) {
    if (!a.guard) continue;
    const auto figure = [&](const char* name) {
      const auto found = result.figures.find(name + ("." + std::to_string(i)));
      return found == result.figures.end() ? 0.0 : found->second;
    };
    auto& g = *a.record.guard;
    g.updates += static_cast<std::uint64_t>(figure("guarded"));
    g.cosine_sum += figure("cosine");
    g.cosine_square_sum += figure("cosine_square");
    g.removed_sum += figure("removed");
    ++i;
  }
}

}  // namespace afu::federate
