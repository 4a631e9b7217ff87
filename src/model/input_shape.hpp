#pragma once
/// What a network is made for. No torch in this header.
#include <cstdint>
#include <vector>

namespace afu::model {

struct InputShape {
  std::int64_t channels = 1, height = 28, width = 28, classes = 2;
  std::int64_t depth = 1;  ///< slices of a volume; 1: images
  bool volumes() const { return depth > 1; }
  /// Of a batch: [B, C, H, W], of volumes [B, C, D, H, W].
  std::vector<std::int64_t> batch(std::int64_t samples) const {
    return volumes() ? std::vector<std::int64_t>{samples, channels, depth, height, width}
                     : std::vector<std::int64_t>{samples, channels, height, width};
  }
};

}  // namespace afu::model
