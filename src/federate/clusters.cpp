#include "federate/clusters.hpp"
#include "engine/combine_job.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace afu::federate {

Clusters::Clusters(methods::ClusterNeeds needs, std::size_t clients, std::vector<std::uint32_t> asking,
                   ParametersPtr initial, MakeRule make_rule)
    : asking_(std::move(asking)),
      initial_(std::move(initial)),
      make_rule_(std::move(make_rule)),
      rule_(make_rule_()),
      members_(clients),
      count_(needs.count),
      profiling_(needs, clients) {
  if (needs.best) best_.emplace();
}

std::vector<aggregate::Arrival> Clusters::begin(const std::vector<bool>& stay,
                                                const std::vector<double>& cosines, std::uint64_t seed) {
  const auto assigned = profiling_.assign(stay, cosines, seed);
  std::size_t i = 0;
  for (std::uint32_t c = 0; c < stay.size(); ++c)
    if (stay[c]) members_[c].cluster = assigned[i++];
  clusters_.resize(count_);
  for (auto& c : clusters_) {
    c.rule = make_rule_();
    c.model = initial_;
  }
  return profiling_.take();
}

// ---- training

Lineage::Base Clusters::hand_out(std::uint32_t client, const Progress& at) {
  auto& m = members_[client];
  if (m.cluster == none) {
    profiling_.sent(client, at.now);
    return {initial_, 0};
  }
  const auto& c = clusters_[m.cluster];
  m.base = c.published;
  return {c.model, c.version};
}

std::uint64_t Clusters::staleness(std::uint32_t client, std::uint64_t, const Progress&) const {
  const auto& m = members_[client];
  return m.cluster == none ? 0 : clusters_[m.cluster].published - m.base;
}

std::optional<aggregate::MergePlan> Clusters::add(aggregate::Arrival arrival, double now) {
  const auto client = arrival.client;
  if (profiling()) {
    profiling_.hold(std::move(arrival), now);
    return std::nullopt;
  }
  auto& c = clusters_[members_[client].cluster];
  if (c.owed > 0) --c.owed;
  auto plan = c.rule->add(std::move(arrival));
  if (plan)
    c.buffered.clear();
  else
    c.buffered.push_back(client);
  return plan;
}

std::int64_t Clusters::forget(std::uint32_t client) {
  if (profiling()) return profiling_.forget(client);
  const auto i = index(client);
  if (!i) return 0;
  auto& c = clusters_[*i];
  c.buffered.erase(std::remove(c.buffered.begin(), c.buffered.end(), client), c.buffered.end());
  return c.rule->forget(client);
}

std::size_t Clusters::buffered() const {
  auto n = profiling_.held().size();
  for (const auto& c : clusters_) n += c.rule->buffered();
  return n;
}

std::optional<std::size_t> Clusters::index(std::uint32_t client) const {
  const auto c = members_[client].cluster;
  return c == none ? std::nullopt : std::optional<std::size_t>{c};
}

bool Clusters::together(std::uint32_t a, std::uint32_t b) const {
  return members_[a].cluster != none && members_[a].cluster == members_[b].cluster;
}

engine::Combination Clusters::published(std::size_t cluster, const engine::Combination& next) const {
  if (const auto best = best_ ? best_->best() : std::nullopt)
    return *best == cluster ? next : engine::Combination{clusters_[*best].model, 1.0, {}, {}};
  double total = 0;
  for (const auto& c : clusters_) total += static_cast<double>(c.samples);
  engine::Combination sum{nullptr, 1.0, {}, {}};
  for (std::size_t i = 0; i < clusters_.size(); ++i) {
    const auto& c = clusters_[i];
    if (c.samples == 0) continue;
    const double share = static_cast<double>(c.samples) / total;
    if (i != cluster) {
      sum.terms.push_back({share, c.model, nullptr});
      sum.buffers.emplace_back(share, c.model);
      continue;
    }
    double rest = 1;
    sum.terms.push_back({share * next.keep, next.start, nullptr});
    for (const auto& t : next.terms) sum.terms.push_back({share * t.coefficient, t.vector, t.guard});
    for (const auto& [weight, vector] : next.buffers) {
      sum.buffers.emplace_back(share * weight, vector);
      rest -= weight;
    }
    sum.buffers.emplace_back(share * rest, next.start);
  }
  return sum;
}

void Clusters::extend(const aggregate::MergePlan& plan, engine::CombineJob& job) const {
  const auto cluster = members_[plan.parts.front().arrival.client].cluster;
  job.outputs.push_back(published(cluster, job.outputs.front()));
}

ParametersPtr Clusters::merged(const aggregate::MergePlan& plan, const std::vector<ParametersPtr>& outputs,
                               std::uint64_t version) {
  auto& c = cluster_of(plan);
  const Checkpoint before{c.lineage.size(), version - 1,
                          std::exchange(c.model, outputs.empty() ? nullptr : outputs.front())};
  for (const auto& part : plan.parts) {
    const auto client = part.arrival.client;
    if (std::binary_search(asking_.begin(), asking_.end(), client)) checkpoints_.try_emplace(client, before);
    c.lineage.push_back(client);
  }
  c.version = version;
  ++c.published;
  return outputs.empty() ? nullptr : outputs.back();
}

Clusters::Cluster& Clusters::cluster_of(const aggregate::MergePlan& plan) {
  return clusters_[members_[plan.parts.front().arrival.client].cluster];
}

const Clusters::Cluster& Clusters::cluster_of(const aggregate::MergePlan& plan) const {
  return clusters_[members_[plan.parts.front().arrival.client].cluster];
}

BestCluster::Standings Clusters::standings() const {
  BestCluster::Standings all;
  for (const auto& c : clusters_) all.push_back({c.samples > 0, c.published, c.since});
  return all;
}

// ---- erasure

void Clusters::weigh(const std::vector<std::int64_t>& samples) {
  for (auto& c : clusters_) c.samples = 0, c.staying = 0;
  for (std::size_t k = 0; k < samples.size(); ++k)
    if (samples[k] > 0 && members_[k].cluster != none) {
      auto& c = clusters_[members_[k].cluster];
      c.samples += samples[k];
      ++c.staying;
    }
  for (auto& c : clusters_)
    if (c.staying == 0) c.owed = 0;  // nobody is left to make anything again
  if (best_) best_->recount(standings());
}

bool Clusters::others_train(std::size_t cluster) const {
  for (std::size_t i = 0; i < clusters_.size(); ++i)
    if (i != cluster && clusters_[i].staying > 0) return true;
  return false;
}

engine::Combination Clusters::rolled_back(std::uint32_t client) {
  const auto cluster = members_[client].cluster;
  const auto i = checkpoints_.find(client);
  if (i == checkpoints_.end()) return published(cluster, {clusters_[cluster].model, 1.0, {}, {}});
  if (best_) best_->distrust(cluster, standings());
  return published(cluster, {i->second.model, 1.0, {}, {}});
}

Clusters::Lost Clusters::roll_back(std::uint32_t client, bool stays, std::uint64_t version) {
  const auto to = checkpoints_.at(client);
  auto& c = clusters_[members_[client].cluster];
  Lost lost;
  for (auto i = to.position; i < c.lineage.size(); ++i) lost.updates += stays || c.lineage[i] != client;
  lost.buffered = c.buffered.size();
  lost.updates += lost.buffered;
  for (auto i = checkpoints_.begin(); i != checkpoints_.end();)  // these no longer take part
    i = together(i->first, client) && i->second.position >= to.position ? checkpoints_.erase(i)
                                                                        : std::next(i);
  c.lineage.resize(to.position);
  c.buffered.clear();
  c.rule->reset();
  c.model = to.model;
  c.version = c.since = version;
  ++c.published;
  if (c.staying > 0) c.owed += lost.updates;
  if (best_) best_->distrust(members_[client].cluster, standings());
  return lost;
}

bool Clusters::predates(std::uint32_t client, std::uint64_t base_version) const {
  const auto c = members_[client].cluster;
  return c != none && base_version < clusters_[c].since;
}

bool Clusters::caught_up(std::uint32_t client) const {
  const auto c = members_[client].cluster;
  return c == none || clusters_[c].owed == 0;
}

std::int64_t Clusters::bytes() const {
  std::set<ParametersPtr> kept;
  for (const auto& c : clusters_) kept.insert(c.model);
  for (const auto& [client, checkpoint] : checkpoints_) kept.insert(checkpoint.model);
  for (const auto& a : profiling_.held()) kept.insert(a.delta);
  std::int64_t bytes = 0;
  for (const auto& p : kept) bytes += model::byte_size(p);
  return bytes;
}

}  // namespace afu::federate
