#include "sim/free_lanes.hpp"

#include <algorithm>
#include <stdexcept>

namespace afu::sim {

FreeLanes::FreeLanes(const std::vector<LaneGroup>& groups) {
  for (const auto& g : groups) {
    if (g.at_once == 0 || g.at_once > g.lanes)
      throw std::logic_error("FreeLanes: a group computes at once what it has no lanes for");
    Group group{{}, g.lanes, g.at_once};
    const auto first = static_cast<std::uint32_t>(group_of_.size());
    for (std::uint32_t i = g.lanes; i-- > 0;) group.free.push_back(first + i);
    group_of_.insert(group_of_.end(), g.lanes, groups_.size());
    count_ += g.lanes;
    groups_.push_back(std::move(group));
  }
}

std::optional<std::uint32_t> FreeLanes::take() {
  Group* best = nullptr;
  const auto before = [](const Group& g) { return (g.lanes - g.free.size()) / g.at_once; };
  for (auto& g : groups_)
    if (!g.free.empty() && (!best || before(g) < before(*best))) best = &g;
  if (!best) return std::nullopt;
  const auto lane = best->free.back();
  best->free.pop_back();
  --count_;
  return lane;
}

void FreeLanes::freed(std::uint32_t lane) {
  auto& free = groups_.at(group_of_.at(lane)).free;
  if (std::find(free.begin(), free.end(), lane) != free.end())
    throw std::logic_error("FreeLanes: a lane is freed that is free");
  free.push_back(lane);
  ++count_;
}

}  // namespace afu::sim
