#pragma once
/// How many lanes each device gets, from what memory it has. No torch in this header.
#include <cstdint>
#include <string>
#include <vector>

#include "device/devices.hpp"

namespace afu::lane {

/// What lanes need, in bytes.
struct LaneNeeds {
  std::int64_t per_lane = 0;
  std::int64_t pool = 0;     ///< the data set, once a slot; the CPU's first slot reads the host's own
  bool mapped_pool = false;  ///< from a file: all of the CPU's slots do
};

/// One number of lanes for each of `slots`, in their order; a device may be there several times, and its
/// slots then share its memory. `lanes`: compute.lanes; 0: as many as cores, or 8 a GPU, and fewer where
/// memory allows no more, which `notes` then say. The first slot's memory holds the service lane too. Throws
/// std::runtime_error, before anything is allocated, where lanes that were asked for do not fit, or not even
/// one does.
std::vector<int> plan_lanes(const std::vector<device::DeviceInfo>& slots, std::int64_t lanes,
                            const LaneNeeds& needs, std::vector<std::string>& notes);

}  // namespace afu::lane
