/// Training in clusters, and taking one of them back (KNOT, Su and Li 2023). While it trains again all others
/// go on, and their updates are merged as ever: the federation counts as halted only where nobody is in
/// another cluster. The cost is the cluster's: what its members were working on and its buffer hold (lost
/// updates), and what they compute until it has caught up (client passes; of requests that share a cluster
/// the first one's).
#include <algorithm>
#include <limits>
#include <utility>

#include "config/scenario.hpp"
#include "engine/combine_job.hpp"
#include "federate/coordinator.hpp"
#include "methods/knot/job.hpp"

namespace afu::federate {

using Kind = record::Decision::Kind;

std::vector<bool> Coordinator::staying() const {
  std::vector<bool> stay;
  for (const auto& c : clients_) stay.push_back(!c.leaving);
  return stay;
}

/// Whether what `client` computes now is for `a`: a retraining, of all or of the client's cluster.
bool Coordinator::retrains(const Active& a, std::uint32_t client) const {
  return a.restarted && !a.record.forgotten_at &&
         (!clusters_ || clusters_->together(a.request.client, client));
}

void Coordinator::weigh_clusters() {
  std::vector<std::int64_t> samples(clients_.size(), 0);
  for (std::uint32_t c = 0; c < clients_.size(); ++c)
    if (!clients_[c].leaving) samples[c] = training_samples(setup_, c, clients_[c].honours);
  clusters_->weigh(samples);
}

/// Once all have trained a first time their clusters are found; true where that begins now.
bool Coordinator::end_profiling() {
  if (!clusters_ || !clusters_->profiling() || !clusters_->profiled(staying())) return false;
  Merge merge;
  merge.of = Merge::Of::profiles;
  merges_.push_back(std::move(merge));
  return true;
}

void Coordinator::start_cluster_job(const Merge& merge, Effects& fx) {
  if (merge.of == Merge::Of::profiles) {
    keep(stored_bytes(), fx);
    if (timing()) return assign_clusters({}, fx);
    fx.merge = clusters_->question();
    return;
  }
  const auto* checkpoint = clusters_->checkpoint(requests_[merge.request].request.client);
  if (checkpoint) clusters_->distrust(*merge.cluster);
  if (timing()) return finish_merge({}, fx);
  const auto& model = checkpoint ? checkpoint->model : clusters_->model_of(*merge.cluster);
  fx.merge = engine::CombineJob{{clusters_->published(*merge.cluster, {model, 1.0, {}, {}})}};
}

/// Has the calibrator measure the clusters' new models, where the best one's is published (KNOT's code tests
/// each cluster after its every aggregation). The server's testing, not a request's: no request is charged
/// for it.
void Coordinator::judge_clusters(Effects& fx) {
  if (!clusters_ || stopped_) return;
  const auto asked = clusters_->ask();
  if (asked.empty()) return;
  methods::AccuraciesJob job;
  job.batch_size = scenario().evaluation.batch_size;
  for (auto cluster : asked) job.models.push_back(clusters_->model_of(cluster));
  auto [rows, count] = calibration_rows(std::numeric_limits<std::int64_t>::max());
  if (count == 0)  // nothing will ever be known: the mean it stays
    return warn(
        "nobody who stays has calibration images, so no cluster is chosen: the clusters' mean is published");
  job.rows = std::move(rows);
  const auto passes = static_cast<double>(count) * static_cast<double>(asked.size()) / 3;  // forward alone
  CalibrateTask task{no_request, version_, passes, nullptr};
  if (!timing()) task.job = std::make_shared<const job::Job>(std::move(job));
  fx.posts.push_back({record::server_node, record::calibrator_node, 0, -1, false, 0, std::move(task)});
}

/// Publishes another cluster's model once it has turned out to be better; true where it did.
bool Coordinator::choose_cluster(Effects& fx) {
  const auto best = clusters_ ? clusters_->choose() : std::nullopt;
  if (!best) return false;
  model_ = clusters_->model_of(*best);
  ++version_;
  decide(Kind::chosen, methods::no_client, 0, static_cast<double>(*best), fx);
  published(fx);
  return true;
}

void Coordinator::assign_clusters(const std::vector<double>& cosines, Effects& fx) {
  merges_.pop_front();
  merging_ = false;
  const auto& s = scenario();
  auto updates = clusters_->assign(staying(), cosines, s.scenario.seed, [&] {
    return aggregate::make_rule(s.training.rule, s.training, mean_samples_, clients_.size());
  });
  weigh_clusters();
  for (std::uint32_t c = 0; c < clients_.size(); ++c)
    if (const auto cluster = clusters_->index(c))
      decide(Kind::assigned, c, 0, static_cast<double>(*cluster), fx);
  for (auto& a : updates) {
    idle_.push_back(a.client);
    if (auto plan = clusters_->add(std::move(a), now_)) {
      std::vector<Kind> kinds(plan->parts.size(), Kind::merged);
      merges_.push_back(merge_of(std::move(*plan), std::move(kinds)));
    }
  }
  needs_work_ = true;
}

void Coordinator::perform(Active& a, methods::RollBackCluster&, Effects&) {
  const auto client = a.request.client;
  if (a.request.scope == methods::Scope::samples) readmit(a);  // its next task is of the model to come
  weigh_clusters();
  if (const auto cluster = clusters_->index(client)) {
    Merge merge;
    merge.of = Merge::Of::rollback;
    merge.request = a.request.index;
    merge.cluster = cluster;
    merges_.push_back(std::move(merge));
    a.waiting = Active::Waiting::merge;
  } else {
    a.record.merged_at = now_;  // there are no clusters yet: nothing of it is in any model
  }
}

/// A target that never took part is left out of the published mean's weights, which is all there is to do.
void Coordinator::roll_back(const Merge& merge, const std::vector<ParametersPtr>& outputs, Effects& fx) {
  auto& a = requests_[merge.request];
  if (!outputs.empty()) model_ = outputs.front();
  ++version_, ++epoch_;
  a.record.merged_at = now_;
  dense_until_ = version_ + static_cast<std::uint64_t>(scenario().evaluation.dense_updates);
  if (clusters_->checkpoint(a.request.client)) begin_again(a, *merge.cluster);
  decide(a.restarted ? Kind::rolled_back : Kind::erasure_merged, a.request.client, 0, 1.0, fx);
  evaluate(fx);
  a.waiting = Active::Waiting::turn;
}

void Coordinator::begin_again(Active& a, std::size_t cluster) {
  const auto client = a.request.client;
  a.restarted = true;
  if (!clusters_->others_train(cluster)) begin_interval(a);
  for (std::uint32_t c = 0; c < clients_.size(); ++c)
    if (clients_[c].busy && clusters_->together(c, client)) {
      ++a.record.lost_updates;
      release(c);
    }
  const auto lost = clusters_->roll_back(client, a.request.scope == methods::Scope::samples, version_);
  a.record.lost_updates += static_cast<std::int64_t>(lost.buffered);
  updates_ -= lost.updates;
}

void Coordinator::perform(Active& a, methods::AwaitCluster&, Effects&) {
  if (!clusters_->caught_up(a.request.client)) a.waiting = Active::Waiting::cluster;
}

}  // namespace afu::federate
