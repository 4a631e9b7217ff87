#include "federate/merged_updates.hpp"

#include <algorithm>

namespace afu::federate {

std::int64_t MergedUpdates::lose(std::uint64_t holds, const Who& among, const Who& stays) {
  const auto later =
      std::partition_point(held_.begin(), held_.end(), [&](const Merged& m) { return m.version <= holds; });
  std::int64_t lost = 0;
  const auto kept = std::remove_if(later, held_.end(), [&](const Merged& m) {
    if (!among(m.client)) return false;
    lost += stays(m.client);
    return true;
  });
  held_.erase(kept, held_.end());
  return lost;
}

}  // namespace afu::federate
