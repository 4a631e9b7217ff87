#include "lane/lane_plan.hpp"

#include <fmt/format.h>

#include <map>
#include <stdexcept>

namespace afu::lane {

std::vector<int> plan_lanes(const std::vector<device::DeviceInfo>& slots, std::int64_t lanes,
                            const LaneNeeds& needs, std::vector<std::string>& notes) {
  std::map<std::string, std::int64_t> left;  // what a device's earlier slots leave
  std::vector<int> plan;
  for (const auto& slot : slots) {
    const bool first = left.count(slot.name) == 0, cpu = slot.name == "cpu";
    auto device = slot;
    device.free_bytes = left.try_emplace(slot.name, slot.free_bytes).first->second;
    const std::int64_t pool = cpu && (first || needs.mapped_pool) ? 0 : needs.pool;
    device.free_bytes -= pool;
    const int service = plan.empty() ? 1 : 0;
    const auto by_default = cpu ? slot.cores_or_sms : device::kDefaultLanesOfAGpu;
    const int wanted = static_cast<int>(lanes > 0 ? lanes : by_default);
    const int granted = device::admissible_lanes(device, wanted + service, needs.per_lane) - service;
    const auto what =
        fmt::format("one needs {} MiB, the data set {} MiB{}, and {} MiB are free", needs.per_lane >> 20,
                    pool >> 20, service ? ", one lane is for merges" : "", (device.free_bytes + pool) >> 20);
    if (granted < 1) throw std::runtime_error(fmt::format("{}: not one lane fits: {}", slot.name, what));
    if (granted < wanted && lanes > 0)
      throw std::runtime_error(fmt::format("{}: compute.lanes is {}, which does not fit: {}; at most {} {}",
                                           slot.name, lanes, what, granted, granted == 1 ? "does" : "do"));
    if (granted < wanted)
      notes.push_back(fmt::format("{}: {} lanes instead of {}: {}", slot.name, granted, wanted, what));
    left[slot.name] = device.free_bytes - (granted + service) * needs.per_lane;
    plan.push_back(granted);
  }
  return plan;
}

}  // namespace afu::lane
