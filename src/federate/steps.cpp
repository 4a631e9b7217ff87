#include "federate/steps.hpp"

#include <fmt/format.h>

#include <memory>
#include <utility>
#include <variant>

#include "calibrate/jobs.hpp"
#include "config/scenario.hpp"
#include "engine/combine_job.hpp"
#include "federate/cluster_duties.hpp"
#include "federate/merging.hpp"
#include "federate/questions.hpp"
#include "federate/serving.hpp"
#include "federate/updates.hpp"
#include "methods/shared.hpp"
#include "methods/statistics_job.hpp"

namespace afu::federate {

using Kind = record::Decision::Kind;

namespace {

JobPtr shared(const Parts& p, job::Job job) {
  return p.at.timing() ? nullptr : std::make_shared<const job::Job>(std::move(job));
}

void ask_calibrator(Parts& p, ServedRequest& r, double passes, JobPtr job, Effects& fx) {
  r.record.server_passes += passes;
  fx.posts.push_back(to_calibrator({r.request.index, p.at.version, passes, std::move(job)}));
}

// ---- the training of all others

void perform(Parts& p, ServedRequest& r, methods::Halt&, Effects& fx) {
  r.training = Training::halted;
  r.halted_version = p.at.version;
  if (p.trainers.tasks.halt()) p.decide(Kind::halted, r.request.client, 0, 0, fx);
  r.begin_interval(p.at.now);
  r.stage = stage::Draining{};
}

void perform(Parts& p, ServedRequest& r, methods::Resume&, Effects& fx) {
  r.training = Training::goes_on;
  r.end_interval(p.at.now);
  if (p.trainers.tasks.resume()) p.decide(Kind::resumed, r.request.client, 0, 0, fx);
}

void perform(Parts& p, ServedRequest&, methods::Retune& s, Effects&) {
  p.trainers.extras.retune(std::move(s.extras));
}

void perform(Parts& p, ServedRequest& r, methods::AwaitUpdates& s, Effects&) {
  if (s.count > 0) r.stage = stage::AwaitingUpdates{p.at.updates + s.count};
}

/// One retraining is without the samples of all clients that an erasure is asked of, also of those whose message is still
/// on its way.
void take_along(Parts& p, ServedRequest& r) {
  for (const auto i : p.requests.asked_with(r)) {
    auto& other = p.requests[i];
    if (other.in<stage::Queued>()) {
      readmit(p, other);
      other.stage = stage::Repeating{{r.request.index}};
    } else if (!other.procedure) {
      p.trainers.roster.honour(other.request.index, other.request.client);
      other.made_again_by = r.request.index;
    }
  }
}

void perform(Parts& p, ServedRequest& r, methods::Restart& s, Effects& fx) {
  r.training = Training::made_again;
  r.begin_interval(p.at.now);
  r.record.lost_updates += static_cast<std::int64_t>(p.trainers.tasks.in_flight() + p.lineage().buffered());
  p.trainers.tasks.begin_again();
  p.merging.memory.reset();
  p.merging.late.reset();
  if (p.observers.heads) p.observers.heads->reset();
  if (p.observers.gates) p.observers.gates->forget_merges();
  p.at.publish(p.setup.restart ? p.setup.restart : p.setup.initial);
  ++p.at.epoch;
  if (r.request.scope == methods::Scope::samples) readmit(p, r);
  take_along(p, r);
  const auto [mean, clients] = p.trainers.roster.mean_samples();
  p.merging.one->begin_again(mean, clients, s.barrier);
  p.at.updates = p.trainers.roster.begin_again();
  p.trainers.step_sizes.begin_again(p.course());
  p.measurements.begin_again(p.at);
  p.decide(Kind::restarted, r.request.client, 0, 0, fx);
  count_lost(p, r, 0, fx);
}

void perform(Parts& p, ServedRequest& r, methods::RollBackCluster&, Effects&) { ask_roll_back(p, r); }

void perform(Parts& p, ServedRequest& r, methods::AwaitCluster&, Effects&) {
  if (!p.merging.clusters->caught_up(r.request.client)) r.stage = stage::AwaitingCluster{};
}

// ---- work

void perform(Parts& p, ServedRequest& r, methods::Collect& s, Effects& fx) {
  if (s.work.empty()) return;
  stage::Collecting collecting;
  for (auto& w : s.work) {
    CollectTask task{r.request.index, p.trainers.tasks.renumber(w.client), w.passes,
                     shared(p, std::move(w.job)), p.at.version};
    hand_out(p, task, w.client, fx);
    collecting.out.emplace(w.client, std::move(task));
  }
  r.stage = std::move(collecting);
}

void perform(Parts& p, ServedRequest& r, methods::Erase& s, Effects& fx) {
  const auto client = r.request.client;
  if (p.method.traits.assigns && !r.record.merged_at && !r.ledger) r.ledger = p.merging.memory.ledger();
  (s.at_target ? r.record.client_passes : r.record.server_passes) += s.passes;
  EraseTask task{r.request.index, s.at_target, client, s.passes, shared(p, std::move(s.job)), p.at.version};
  fx.posts.push_back({record::server_node, record::unlearner_node, 0,
                      s.at_target ? static_cast<std::int64_t>(client) : -1, false,
                      s.at_target ? p.setup.model_bytes : 0, std::move(task)});
  r.stage = stage::Erasing{};
}

void warn_of_search(Parts& p, const ServedRequest& r) {
  const auto& d = *r.calibrations.difference();
  p.account.warn(fmt::format(
      "erasure[{}]: no pattern was found that the erasure took the answer to ({} searched; the fall is of {} {}): "
      "the calibration is clean training",
      r.request.index, *d.searched, *d.labels, *d.labels == 1 ? "label" : "labels"));
}

void perform(Parts& p, ServedRequest& r, methods::Calibrate& s, Effects& fx) {
  if (const auto steps = calibration_steps(s)) {
    if (r.calibrations.searched_in_vain()) warn_of_search(p, r);
    r.calibrations.begin(p.at, r.record.client, *steps, s.passes);
  }
  if (s.job.as<calibrate::DifferenceJob>()) r.calibrations.search(s.passes);
  if (s.job.as<calibrate::FeatureDirectionsJob>()) r.calibrations.look_at_features(s.passes);
  ask_calibrator(p, r, s.passes, shared(p, std::move(s.job)), fx);
  r.stage = stage::Calibrating{};
}

// ---- what watches later merges

void perform(Parts& p, ServedRequest& r, methods::GuardErasure& s, Effects&) {
  if (!s.guard) return;  // a timing-only run
  auto& guards = p.observers.guards;
  if (!guards) guards = std::make_unique<Guards>();
  guards->raise(r.request.index, std::move(s), p.at);
}

void perform(Parts& p, ServedRequest& r, methods::GateUpdates& s, Effects&) {
  auto& gates = p.observers.gates;
  if (!gates) gates = std::make_unique<Gates>();
  gates->open(r.request.index, std::move(s));
}

// ---- the model

/// Has the statistics of `model`, which `step` would publish, be taken first; false: it may be published at
/// once.
bool take_statistics(Parts& p, ServedRequest& r, engine::Combination model, methods::Step step, Effects& fx) {
  if (!p.setup.statistics) return false;
  auto view = view_of(p, r);
  if (p.setup.data && view.environments.empty()) {
    p.account.warn(
        "BatchNorm's statistics still hold the erased samples' share: nobody who stays has calibration "
        "images to take them anew");
    return false;
  }
  const double passes = methods::calibration_samples(view) * methods::statistics_passes;
  ask_calibrator(p, r, passes, shared(p, statistics_question(std::move(model), std::move(view.environments))),
                 fx);
  r.stage = stage::TakingStatistics{std::move(step)};
  return true;
}

RequestMerge merge_of(const ServedRequest& r, const methods::MergeErasure& s) {
  RequestMerge merge{r.request.index, true, s.delta, 1.0, s.influence_gain, s.by_accumulator, s.calibration};
  merge.taken = s.taken;
  return merge;
}

void merge_soon(Parts& p, ServedRequest& r, RequestMerge merge) {
  p.merging.queue.push(std::move(merge));
  r.stage = stage::Merging{};
}

void perform(Parts& p, ServedRequest& r, methods::MergeErasure& s, Effects& fx) {
  auto merge = merge_of(r, s);
  engine::Combination model;
  if (p.setup.statistics && !p.at.timing())
    model = request_job(merge, r.request.client, p.lineage().rule().whole_model(), p.merging.memory.ledger(),
                        guards(p), p.at)
                .outputs.front();
  if (!take_statistics(p, r, std::move(model), s, fx)) merge_soon(p, r, std::move(merge));
}

void perform(Parts& p, ServedRequest& r, methods::Replace& s, Effects& fx) {
  if (!take_statistics(p, r, {s.model, 1.0, {}, {}}, s, fx)) replace(p, r, s, s.model, fx);
}

void perform(Parts& p, ServedRequest& r, methods::MergeCalibration& s, Effects&) {
  if (r.calibrations.take_dropped()) return;
  p.account.shortened.calibrations += s.shortened;
  merge_soon(p, r, {r.request.index, false, s.delta, s.weight});
}

/// EWC: the version is to be the anchor. While another request is being served it still holds what that one
/// wants forgotten: its own end asks then.
void ask_fisher(Parts& p, ServedRequest& r, Effects& fx) {
  if (!p.observers.ewc) return;
  for (const auto& other : p.requests)
    if (other.erasing()) return;
  auto task = p.observers.ewc->ask(p.at, p.trainers.roster, p.classes());
  if (!task)
    return p.account.warn(
        "training.ewc_strength: nobody who stays has calibration images, so training goes on without it");
  r.record.server_passes += task->passes;
  fx.posts.push_back(to_calibrator(std::move(*task)));
}

void perform(Parts& p, ServedRequest& r, methods::Forgotten&, Effects& fx) {
  r.forgotten(p.at.now);
  if (r.training == Training::made_again) r.end_interval(p.at.now);
  if (p.merging.one && p.merging.one->end_rounds()) p.trainers.tasks.release_all();
  p.measurements.watch_closely(p.at);
  p.decide(Kind::forgotten, r.request.client, 0, 0, fx);
  p.measure(fx);
  ask_fisher(p, r, fx);
}

void perform(Parts&, ServedRequest& r, methods::Done&, Effects&) { r.stage = stage::Done{}; }

}  // namespace

void carry_out(Parts& p, ServedRequest& r, methods::Step& step, Effects& fx) {
  std::visit([&](auto& s) { perform(p, r, s, fx); }, step);
}

bool publish_with(Parts& p, ServedRequest& r, const job::JobResult* result, Effects& fx) {
  const auto step = std::move(std::get<stage::TakingStatistics>(r.stage).step);
  const auto settled = methods::first_output(result);
  if (const auto* replacement = std::get_if<methods::Replace>(&step)) {
    replace(p, r, *replacement, settled, fx);
    return true;
  }
  auto merge = merge_of(r, std::get<methods::MergeErasure>(step));
  merge.statistics = settled;
  merge_soon(p, r, std::move(merge));
  return false;
}

}  // namespace afu::federate
