#include "federate/best_cluster.hpp"

namespace afu::federate {

std::vector<std::size_t> BestCluster::ask(const Standings& now) {
  std::vector<std::size_t> fresh;
  known_.resize(now.size());
  if (!asked_.empty()) return fresh;
  for (std::size_t i = 0; i < now.size(); ++i) {
    if (!now[i].populated || known_[i].asked == now[i].published) continue;
    known_[i].asked = now[i].published;
    asked_.push_back({i, now[i].since});
    fresh.push_back(i);
  }
  return fresh;
}

void BestCluster::answered(const std::vector<double>& accuracies, const Standings& now) {
  for (std::size_t i = 0; i < asked_.size() && i < accuracies.size(); ++i)
    if (const auto c = asked_[i].cluster; now[c].since == asked_[i].since) known_[c].accuracy = accuracies[i];
  asked_.clear();
}

std::optional<std::size_t> BestCluster::most_accurate(const Standings& now) const {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < known_.size(); ++i) {
    const auto& accuracy = known_[i].accuracy;
    if (now[i].populated && accuracy && (!best || *accuracy > *known_[*best].accuracy)) best = i;
  }
  return best;
}

std::optional<std::size_t> BestCluster::choose(const Standings& now) {
  const auto best = most_accurate(now);
  if (!best || best == best_) return std::nullopt;
  return best_ = best;
}

void BestCluster::distrust(std::size_t cluster, const Standings& now) {
  known_.resize(now.size());
  known_[cluster].accuracy.reset();
  if (best_ == cluster) best_ = most_accurate(now);
}

void BestCluster::recount(const Standings& now) {
  if (best_ && !now[*best_].populated) best_ = most_accurate(now);
}

}  // namespace afu::federate
