#include "federate/cluster_duties.hpp"

#include <limits>
#include <memory>
#include <utility>

#include "config/scenario.hpp"
#include "engine/combine_job.hpp"
#include "federate/merging.hpp"
#include "federate/questions.hpp"

namespace afu::federate {

using Kind = record::Decision::Kind;

namespace {

/// Publishes the best cluster's model where that is another cluster than before.
bool choose_cluster(Parts& p, Effects& fx) {
  auto& clusters = *p.merging.clusters;
  const auto best = clusters.best() ? clusters.best()->choose(clusters.standings()) : std::nullopt;
  if (!best) return false;
  p.at.publish(clusters.model_of(*best));
  p.decide(Kind::chosen, methods::no_client, 0, static_cast<double>(*best), fx);
  published(p, fx);
  return true;
}

/// The members begin again from the checkpoint; what they were working on is lost. Returns the checkpoint's version.
std::uint64_t begin_again(Parts& p, ServedRequest& r, std::size_t cluster) {
  auto& clusters = *p.merging.clusters;
  const auto holds = clusters.checkpoint_version(r.request.client);
  const auto client = r.request.client;
  r.training = Training::made_again;
  if (!clusters.others_train(cluster)) r.begin_interval(p.at.now);
  for (std::uint32_t c = 0; c < p.trainers.roster.size(); ++c)
    if (p.trainers.tasks[c].busy && clusters.together(c, client)) {
      ++r.record.lost_updates;
      p.trainers.tasks.release(c);
    }
  const auto lost = clusters.roll_back(client, r.request.scope == methods::Scope::samples, p.at.version);
  r.record.lost_updates += static_cast<std::int64_t>(lost.buffered);
  p.at.updates -= lost.updates;
  return holds;
}

}  // namespace

bool tend_clusters(Parts& p, Effects& fx) {
  if (!p.merging.clusters) return false;
  const auto* profiling = p.merging.clusters->profiling();
  if (!profiling) return choose_cluster(p, fx);
  if (!profiling->enough(p.trainers.roster.staying())) return false;
  p.merging.queue.push(ProfilesMerge{});
  return true;
}

void form_clusters(Parts& p, const std::vector<double>& cosines, Effects& fx) {
  auto& clusters = *p.merging.clusters;
  auto updates = clusters.begin(p.trainers.roster.staying(), cosines, p.scenario().scenario.seed);
  clusters.weigh(p.trainers.roster.staying_samples());
  for (std::uint32_t c = 0; c < p.trainers.roster.size(); ++c)
    if (const auto cluster = clusters.index(c))
      p.decide(Kind::assigned, c, 0, static_cast<double>(*cluster), fx);
  for (auto& a : updates) {
    p.trainers.tasks.admit(a.client);
    if (auto plan = clusters.add(std::move(a), p.at.now)) {
      std::vector<Kind> kinds(plan->parts.size(), Kind::merged);
      p.merging.queue.push(UpdateMerge{std::move(*plan), std::move(kinds)});
    }
  }
  p.trainers.tasks.look_again();
}

void judge_clusters(Parts& p, Effects& fx) {
  auto* best = p.merging.clusters ? p.merging.clusters->best() : nullptr;
  if (!best || p.account.stopped) return;
  const auto asked = best->ask(p.merging.clusters->standings());
  if (asked.empty()) return;
  const auto [rows, count] = p.trainers.roster.calibration_rows(std::numeric_limits<std::int64_t>::max());
  if (count == 0)  // nothing will ever be known: the mean it stays
    return p.account.warn(
        "nobody who stays has calibration images, so no cluster is chosen: the clusters' mean is published");
  const auto passes = static_cast<double>(count) * static_cast<double>(asked.size()) / 3;  // forward alone
  CalibrateTask task{no_request, p.at.version, passes, nullptr};
  if (!p.at.timing()) {
    std::vector<ParametersPtr> models;
    for (auto cluster : asked) models.push_back(p.merging.clusters->model_of(cluster));
    task.job = std::make_shared<const job::Job>(accuracies_question(p.scenario(), std::move(models), rows));
  }
  fx.posts.push_back(to_calibrator(std::move(task)));
}

void ask_roll_back(Parts& p, ServedRequest& r) {
  auto& clusters = *p.merging.clusters;
  if (r.request.scope == methods::Scope::samples) readmit(p, r);  // its next task is of the model to come
  clusters.weigh(p.trainers.roster.staying_samples());
  if (const auto cluster = clusters.index(r.request.client)) {
    p.merging.queue.push(RollBackMerge{r.request.index, *cluster});
    r.stage = stage::Merging{};
  } else {
    r.erased(p.at.now);
  }
}

engine::CombineJob roll_back_job(Parts& p, const RollBackMerge& m) {
  auto version = p.merging.clusters->rolled_back(p.requests[m.request].request.client);
  if (p.at.timing()) return {};
  return {{std::move(version)}};
}

void roll_back(Parts& p, const RollBackMerge& m, const std::vector<ParametersPtr>& outputs, Effects& fx) {
  auto& r = p.requests[m.request];
  p.at.publish(outputs.empty() ? nullptr : outputs.front());
  erased(p, r);
  const auto client = r.request.client;
  auto& clusters = *p.merging.clusters;
  if (clusters.took_part(client)) {
    const auto holds = begin_again(p, r, m.cluster);
    p.decide(Kind::rolled_back, client, 0, 1.0, fx);
    count_lost(
        p, r, holds, [&](std::uint32_t c) { return clusters.together(c, client); }, fx);
  } else {
    p.decide(Kind::erasure_merged, client, 0, 1.0, fx);
  }
  p.measure(fx);
  r.stage = stage::Ready{};
}

}  // namespace afu::federate
