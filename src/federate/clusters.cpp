#include "federate/clusters.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "engine/combine_job.hpp"
#include "model/parameters.hpp"

namespace afu::federate {

Clusters::Clusters(methods::ClusterNeeds needs, std::size_t clients, std::vector<std::uint32_t> asking,
                   ParametersPtr initial)
    : needs_(std::move(needs)), asking_(std::move(asking)), initial_(std::move(initial)), members_(clients) {}

// ---- the profiling round

bool Clusters::profiled(const std::vector<bool>& stay) const {
  const auto all = static_cast<double>(std::count(stay.begin(), stay.end(), true));
  return !held_.empty() && static_cast<double>(held_.size()) >= std::ceil(needs_.profiled * all - 1e-9);
}

engine::CombineJob Clusters::question() const {
  engine::Combination mean{nullptr, 1.0, {}, {}};
  double total = 0;
  for (const auto& a : held_) total += static_cast<double>(a.samples);
  for (const auto& a : held_) {
    mean.terms.push_back({static_cast<double>(a.samples) / total, a.delta, nullptr});
    mean.compared.push_back(a.delta);
  }
  return {{std::move(mean)}};
}

std::vector<aggregate::Arrival> Clusters::assign(const std::vector<bool>& stay,
                                                 const std::vector<double>& cosines, std::uint64_t seed,
                                                 const MakeRule& make_rule) {
  std::vector<std::uint32_t> clients;
  double slowest = 0;
  for (std::uint32_t c = 0; c < stay.size(); ++c) {
    if (stay[c]) clients.push_back(c);
    slowest = std::max(slowest, members_[c].seconds);
  }
  std::vector<methods::ClientProfile> profiles;
  for (auto c : clients) profiles.push_back({members_[c].seconds < 0 ? slowest : members_[c].seconds, 0});
  for (std::size_t i = 0; i < cosines.size(); ++i) {
    const auto at = std::lower_bound(clients.begin(), clients.end(), held_[i].client) - clients.begin();
    profiles[static_cast<std::size_t>(at)].disparity = (1 - cosines[i]) / 2;
  }
  const auto cluster = needs_.assign(profiles, seed);
  for (std::size_t i = 0; i < clients.size(); ++i) members_[clients[i]].cluster = cluster[i];
  clusters_.resize(needs_.count);
  for (auto& c : clusters_) {
    c.rule = make_rule();
    c.model = initial_;
  }
  return std::exchange(held_, {});
}

// ---- training

void Clusters::sent(std::uint32_t client, double now) {
  auto& m = members_[client];
  m.sent = now;
  m.base = m.cluster == none ? 0 : clusters_[m.cluster].published;
}

const model::ParametersPtr& Clusters::model(std::uint32_t client) const {
  const auto c = members_[client].cluster;
  return c == none ? initial_ : clusters_[c].model;
}

std::uint64_t Clusters::version(std::uint32_t client) const {
  const auto c = members_[client].cluster;
  return c == none ? 0 : clusters_[c].version;
}

std::uint64_t Clusters::staleness(std::uint32_t client) const {
  const auto& m = members_[client];
  return m.cluster == none ? 0 : clusters_[m.cluster].published - m.base;
}

std::optional<aggregate::MergePlan> Clusters::add(aggregate::Arrival arrival, double now) {
  const auto client = arrival.client;
  auto& m = members_[client];
  if (profiling()) {
    m.seconds = now - m.sent;
    held_.push_back(std::move(arrival));
    return std::nullopt;
  }
  auto& c = clusters_[m.cluster];
  if (c.owed > 0) --c.owed;
  auto plan = c.rule->add(std::move(arrival));
  if (plan)
    c.buffered.clear();
  else
    c.buffered.push_back(client);
  return plan;
}

std::int64_t Clusters::forget(std::uint32_t client) {
  if (profiling()) {
    const auto before = held_.size();
    held_.erase(std::remove_if(held_.begin(), held_.end(), [&](const auto& a) { return a.client == client; }),
                held_.end());
    return static_cast<std::int64_t>(before - held_.size());
  }
  const auto i = index(client);
  if (!i) return 0;
  auto& c = clusters_[*i];
  c.buffered.erase(std::remove(c.buffered.begin(), c.buffered.end(), client), c.buffered.end());
  return c.rule->forget(client);
}

std::size_t Clusters::buffered() const {
  auto n = held_.size();
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
  if (best_) return *best_ == cluster ? next : engine::Combination{clusters_[*best_].model, 1.0, {}, {}};
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

void Clusters::merged(std::size_t cluster, const aggregate::MergePlan& plan, const ParametersPtr& model,
                      std::uint64_t version) {
  auto& c = clusters_[cluster];
  const Checkpoint before{c.lineage.size(), std::exchange(c.model, model)};
  for (const auto& part : plan.parts) {
    const auto client = part.arrival.client;
    if (std::binary_search(asking_.begin(), asking_.end(), client)) checkpoints_.try_emplace(client, before);
    c.lineage.push_back(client);
  }
  c.version = version;
  ++c.published;
}

// ---- the best cluster

std::vector<std::size_t> Clusters::ask() {
  std::vector<std::size_t> fresh;
  if (!needs_.best || !asked_.empty()) return fresh;
  for (std::size_t i = 0; i < clusters_.size(); ++i) {
    auto& c = clusters_[i];
    if (c.samples == 0 || c.asked == c.published) continue;
    c.asked = c.published;
    asked_.push_back({i, c.since});
    fresh.push_back(i);
  }
  return fresh;
}

void Clusters::answered(const std::vector<double>& accuracies) {
  for (std::size_t i = 0; i < asked_.size() && i < accuracies.size(); ++i)
    if (auto& c = clusters_[asked_[i].cluster]; c.since == asked_[i].since) c.accuracy = accuracies[i];
  asked_.clear();
}

std::optional<std::size_t> Clusters::most_accurate() const {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < clusters_.size(); ++i) {
    const auto& c = clusters_[i];
    if (c.samples > 0 && c.accuracy && (!best || *c.accuracy > *clusters_[*best].accuracy)) best = i;
  }
  return best;
}

std::optional<std::size_t> Clusters::choose() {
  const auto best = most_accurate();
  if (!best || best == best_) return std::nullopt;
  return best_ = best;
}

void Clusters::distrust(std::size_t cluster) {
  clusters_[cluster].accuracy.reset();
  if (best_ == cluster) best_ = most_accurate();
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
  if (best_ && clusters_[*best_].samples == 0) best_ = most_accurate();
}

bool Clusters::others_train(std::size_t cluster) const {
  for (std::size_t i = 0; i < clusters_.size(); ++i)
    if (i != cluster && clusters_[i].staying > 0) return true;
  return false;
}

const Clusters::Checkpoint* Clusters::checkpoint(std::uint32_t client) const {
  const auto i = checkpoints_.find(client);
  return i == checkpoints_.end() ? nullptr : &i->second;
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
  c.accuracy.reset();
  ++c.published;
  if (c.staying > 0) c.owed += lost.updates;
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
  for (const auto& a : held_) kept.insert(a.delta);
  std::int64_t bytes = 0;
  for (const auto& p : kept) bytes += model::byte_size(p);
  return bytes;
}

}  // namespace afu::federate
