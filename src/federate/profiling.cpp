#include "federate/profiling.hpp"
#include "engine/combine_job.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace afu::federate {

void Profiling::hold(aggregate::Arrival update, double now) {
  auto& p = profiles_[update.client];
  p.seconds = now - p.sent;
  held_.push_back(std::move(update));
}

std::int64_t Profiling::forget(std::uint32_t client) {
  const auto before = held_.size();
  held_.erase(std::remove_if(held_.begin(), held_.end(), [&](const auto& a) { return a.client == client; }),
              held_.end());
  return static_cast<std::int64_t>(before - held_.size());
}

bool Profiling::enough(const std::vector<bool>& stay) const {
  const auto all = static_cast<double>(std::count(stay.begin(), stay.end(), true));
  return !held_.empty() && static_cast<double>(held_.size()) >= std::ceil(needs_.profiled * all - 1e-9);
}

engine::CombineJob Profiling::question() const {
  engine::Combination mean{nullptr, 1.0, {}, {}};
  double total = 0;
  for (const auto& a : held_) total += static_cast<double>(a.samples);
  for (const auto& a : held_) {
    mean.terms.push_back({static_cast<double>(a.samples) / total, a.delta, nullptr});
    mean.compared.push_back(a.delta);
  }
  return {{std::move(mean)}};
}

std::vector<std::uint32_t> Profiling::assign(const std::vector<bool>& stay,
                                             const std::vector<double>& cosines, std::uint64_t seed) const {
  std::vector<std::uint32_t> clients;
  double slowest = 0;
  for (std::uint32_t c = 0; c < stay.size(); ++c) {
    if (stay[c]) clients.push_back(c);
    slowest = std::max(slowest, profiles_[c].seconds);
  }
  std::vector<methods::ClientProfile> profiles;
  for (auto c : clients) profiles.push_back({profiles_[c].seconds < 0 ? slowest : profiles_[c].seconds, 0});
  for (std::size_t i = 0; i < cosines.size(); ++i) {
    const auto at = std::lower_bound(clients.begin(), clients.end(), held_[i].client) - clients.begin();
    profiles[static_cast<std::size_t>(at)].disparity = (1 - cosines[i]) / 2;
  }
  return needs_.assign(profiles, seed);
}

}  // namespace afu::federate
