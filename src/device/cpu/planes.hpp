#pragma once
/// The layout of the fused step: kLanes images side by side. Value (c, y, x) of
/// all of them is one run of kLanes floats, so that every loop over images is
/// one vector instruction, whatever the layer's width.
#include <cstddef>
#include <cstdint>

namespace afu::device::cpu {

inline constexpr std::int64_t kLanes = 16;

/// Activations of a layer, or their gradients, for one block of kLanes images:
/// (c, y, x) stands at data + c * channel + y * row + x * column. Strides are
/// in floats; those of an image that lies inside a margin of zeros, or between
/// columns of zeros, are wider than the image.
template <class Float>
struct BasicPlanes {
  Float* data = nullptr;
  std::int64_t channels = 0, height = 0, width = 0;
  std::int64_t channel = 0, row = 0, column = kLanes;

  Float* at(std::int64_t c, std::int64_t y, std::int64_t x) const {
    return data + c * channel + y * row + x * column;
  }
};
using Planes = BasicPlanes<float>;

}  // namespace afu::device::cpu
