#include "federate/tasks.hpp"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>

#include "base/random.hpp"
#include "config/scenario.hpp"

namespace afu::federate {

Tasks::Tasks(const config::Scenario& scenario, const Roster& roster)
    : scenario_(scenario), roster_(roster), tasks_(roster.size()) {}

void Tasks::open() {
  idle_.resize(tasks_.size());
  std::iota(idle_.begin(), idle_.end(), 0);
  changed_ = true;
}

std::vector<std::uint32_t> Tasks::next(bool synchronous, double now) {
  if (!changed_ || halts_ > 0) return {};
  changed_ = false;
  auto chosen = synchronous ? open_round() : fill();
  for (auto client : chosen) {
    auto& t = tasks_[client];
    ++t.job;
    t.busy = true;
    t.since = static_cast<float>(now);
  }
  in_flight_ += chosen.size();
  return chosen;
}

std::vector<std::uint32_t> Tasks::fill() {
  const auto cap = scenario_.training.max_in_flight;
  if (cap == 0 || cap >= static_cast<std::int64_t>(tasks_.size())) return std::exchange(idle_, {});
  std::vector<std::uint32_t> chosen;
  while (!idle_.empty() && in_flight_ + chosen.size() < static_cast<std::uint64_t>(cap)) {
    base::Stream stream({scenario_.scenario.seed, base::purpose("select"), 0, selections_++});
    std::swap(idle_[stream.below(idle_.size())], idle_.back());
    chosen.push_back(idle_.back());
    idle_.pop_back();
  }
  return chosen;
}

std::vector<std::uint32_t> Tasks::open_round() {
  if (round_.open || idle_.empty()) return {};
  std::sort(idle_.begin(), idle_.end());
  auto chosen = idle_;
  const auto wanted = static_cast<std::size_t>(scenario_.training.clients_per_round);
  if (wanted > 0 && wanted < chosen.size()) {
    base::Stream stream({scenario_.scenario.seed, base::purpose("select"), 0, round_.number});
    base::shuffle(chosen, stream);
    chosen.resize(wanted);
    std::sort(chosen.begin(), chosen.end());
  }
  std::vector<std::uint32_t> rest;
  std::set_difference(idle_.begin(), idle_.end(), chosen.begin(), chosen.end(), std::back_inserter(rest));
  idle_ = std::move(rest);
  round_.open = true;
  round_.outstanding = chosen.size();
  return chosen;
}

TaskBase Tasks::release(std::uint32_t client) {
  auto& t = tasks_[client];
  if (!t.busy) return {};
  t.busy = false;
  --in_flight_;
  if (round_.open) --round_.outstanding;
  if (!roster_[client].excluded()) idle_.push_back(client);
  changed_ = true;
  const auto kept = bases_.find(client);
  if (kept == bases_.end()) return {};
  auto base = std::move(kept->second);
  bases_.erase(kept);
  return base;
}

void Tasks::release_all() {
  round_.open = false;
  for (std::uint32_t c = 0; c < tasks_.size(); ++c) release(c);
}

void Tasks::withdraw(std::uint32_t client) {
  release(client);
  idle_.erase(std::remove(idle_.begin(), idle_.end(), client), idle_.end());
}

void Tasks::admit(std::uint32_t client) {
  idle_.push_back(client);
  changed_ = true;
}

bool Tasks::end_round() {
  if (!round_.open || round_.outstanding > 0) return false;
  round_.open = false;
  changed_ = true;
  return true;
}

void Tasks::begin_again() {
  release_all();
  round_.number = 0;
  changed_ = true;
}

bool Tasks::resume() {
  changed_ = true;
  return --halts_ == 0;
}

}  // namespace afu::federate
