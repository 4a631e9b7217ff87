#include "federate/step_sizes.hpp"

#include <algorithm>

#include "config/scenario.hpp"
#include "train/learning_rate.hpp"

namespace afu::federate {

StepSizes::StepSizes(const config::Scenario& scenario, std::size_t clients)
    : scenario_(scenario),
      has_schedule_(train::has_schedule(scenario.training)),
      by_jobs_(scenario.training.schedule_by == config::LrClock::jobs) {
  if (has_schedule_ && by_jobs_) jobs_.resize(clients);
}

std::int64_t StepSizes::server_count(const Course& now) const {
  const bool by_rounds = scenario_.training.schedule_by == config::LrClock::rounds;
  return static_cast<std::int64_t>(by_rounds ? now.rounds : now.updates);
}

std::uint64_t StepSizes::count_at(std::uint64_t version) const {
  const auto later =
      std::upper_bound(counts_.begin(), counts_.end(), version,
                       [](std::uint64_t v, const auto& handed_out) { return v < handed_out.first; });
  return later == counts_.begin() ? 0 : (later - 1)->second;
}

double StepSizes::hand_out(std::uint32_t client, const Course& now) {
  if (!has_schedule_) return 1;
  if (by_jobs_) {
    auto& own = jobs_[client];
    own.push_back(now.version);
    return train::lr_factor(scenario_.training, own.size() - 1);
  }
  const auto so_far = static_cast<std::uint64_t>(std::max<std::int64_t>(0, server_count(now) - origin_));
  if (counts_.empty() || counts_.back().first != now.version) counts_.emplace_back(now.version, so_far);
  return train::lr_factor(scenario_.training, so_far);
}

double StepSizes::of_version(std::uint32_t client, std::uint64_t version) const {
  if (!has_schedule_) return 1;
  if (!by_jobs_) return train::lr_factor(scenario_.training, count_at(version));
  const auto& own = jobs_[client];
  const auto earlier = std::lower_bound(own.begin(), own.end(), version) - own.begin();
  return train::lr_factor(scenario_.training, static_cast<std::uint64_t>(earlier));
}

void StepSizes::begin_again(const Course& now) {
  for (auto& own : jobs_) own.clear();
  counts_.clear();
  origin_ = server_count(now);
}

void StepSizes::go_back(std::uint64_t version, const Course& now) {
  for (auto& own : jobs_) own.erase(std::lower_bound(own.begin(), own.end(), version), own.end());
  if (!has_schedule_ || by_jobs_) return;
  origin_ = server_count(now) - static_cast<std::int64_t>(count_at(version));
  const auto later = std::upper_bound(counts_.begin(), counts_.end(), version,
                                      [](std::uint64_t v, const auto& c) { return v < c.first; });
  counts_.erase(later, counts_.end());
}

}  // namespace afu::federate
