/// What the server does with each step of an unlearning method.
#include <algorithm>
#include <utility>

#include "config/scenario.hpp"
#include "engine/combine_job.hpp"
#include "federate/coordinator.hpp"

namespace afu::federate {

using Kind = record::Decision::Kind;

void Coordinator::perform(Active& a, methods::Halt&, Effects& fx) {
  a.halting = true;
  a.halted_version = version_;
  if (halts_++ == 0) decide(Kind::halted, a.request.client, 0, 0, fx);
  begin_interval(a);
  a.waiting = Active::Waiting::drain;
}

void Coordinator::perform(Active& a, methods::Resume&, Effects& fx) {
  a.halting = false;
  end_interval(a);
  needs_work_ = true;
  if (--halts_ == 0) decide(Kind::resumed, a.request.client, 0, 0, fx);
}

void Coordinator::perform(Active& a, methods::Collect& s, Effects& fx) {
  if (s.work.empty()) return;
  a.waiting = Active::Waiting::collect;
  for (auto& w : s.work) {
    CollectTask task{a.request.index, ++clients_[w.client].job, w.passes, nullptr, version_};
    if (!timing()) task.work = std::make_shared<const job::Job>(std::move(w.job));
    collect_task(task, w.client, fx);
    a.collecting.emplace(w.client, std::move(task));
  }
}

void Coordinator::perform(Active& a, methods::Erase& s, Effects& fx) {
  a.waiting = Active::Waiting::erase;
  (s.at_target ? a.record.client_passes : a.record.server_passes) += s.passes;
  EraseTask task{a.request.index, s.at_target, a.request.client, s.passes, nullptr, version_};
  if (!timing()) task.job = std::make_shared<const job::Job>(std::move(s.job));
  fx.posts.push_back({record::server_node, record::unlearner_node, 0,
                      s.at_target ? static_cast<std::int64_t>(a.request.client) : -1, false,
                      s.at_target ? setup_.model_bytes : 0, std::move(task)});
}

void Coordinator::perform(Active& a, methods::MergeErasure& s, Effects& fx) {
  auto merge = merge_of(a, s);
  if (take_statistics(a, timing() ? engine::Combination{} : request_job(merge).outputs.front(), s, fx))
    return;
  a.waiting = Active::Waiting::merge;
  merges_.push_back(std::move(merge));
}

Coordinator::Merge Coordinator::merge_of(const Active& a, const methods::MergeErasure& s) const {
  Merge merge{std::nullopt, a.request.index, true, s.delta, s.influence_gain, {}, s.by_accumulator};
  merge.calibration = s.calibration;
  return merge;
}

void Coordinator::perform(Active& a, methods::Replace& s, Effects& fx) {
  if (take_statistics(a, {s.model, 1.0, {}, {}}, s, fx)) return;
  replace(a, s.model, fx);
}

void Coordinator::replace(Active& a, const ParametersPtr& model, Effects& fx) {
  if (model) model_ = model;
  ++version_;
  if (!a.record.merged_at) {
    ++epoch_;
    a.record.merged_at = now_;
    corrections_.push_back({epoch_, {}});
    dense_until_ = version_ + static_cast<std::uint64_t>(scenario().evaluation.dense_updates);
  }
  decide(Kind::replaced, a.request.client, 0, 1.0, fx);
  evaluate(fx);
}

void Coordinator::perform(Active&, methods::Retune& s, Effects&) {
  extras_ = std::move(s.extras);
  renew_extras();
}

void Coordinator::perform(Active& a, methods::Calibrate& s, Effects& fx) {
  a.waiting = Active::Waiting::calibrate;
  a.record.server_passes += s.passes;
  calibration_posted(a, s);
  CalibrateTask task{a.request.index, version_, s.passes, nullptr};
  if (!timing()) task.job = std::make_shared<const job::Job>(std::move(s.job));
  fx.posts.push_back({record::server_node, record::calibrator_node, 0, -1, false, 0, std::move(task)});
}

void Coordinator::perform(Active& a, methods::MergeCalibration& s, Effects&) {
  a.waiting = Active::Waiting::merge;
  merges_.push_back({std::nullopt, a.request.index, false, s.delta, std::nullopt, {}});
  merges_.back().weight = s.weight;
  shortened_.calibrations += s.shortened;
}

void Coordinator::perform(Active& a, methods::AwaitUpdates& s, Effects&) {
  a.wait_until = updates_ + s.count;
  if (s.count > 0) a.waiting = Active::Waiting::updates;
}

void Coordinator::perform(Active& a, methods::Restart& s, Effects& fx) { restart(a, s.barrier, fx); }

void Coordinator::perform(Active& a, methods::Forgotten&, Effects& fx) {
  a.record.forgotten_at = now_;
  if (!a.record.merged_at) a.record.merged_at = now_;
  if (a.restarted) end_interval(a);
  if (a.barrier) {
    a.barrier = false;
    abandon_all();
    rule_ = std::move(parked_rule_);
  }
  dense_until_ = version_ + static_cast<std::uint64_t>(scenario().evaluation.dense_updates);
  decide(Kind::forgotten, a.request.client, 0, 0, fx);
  evaluate(fx);
  ask_fisher(a, fx);
}

void Coordinator::perform(Active& a, methods::Done&, Effects&) { a.done = true; }

}  // namespace afu::federate
