#pragma once
/// The samples of arrays that are no bytes: their range, and what a window makes of them.
#include <cstdint>
#include <vector>

#include "data/intensity.hpp"
#include "data/npz.hpp"

namespace afu::data {

/// Of an array of integers or floats. Throws std::runtime_error where a sample is no finite number, or the type is another;
/// in its message the array's first sample is number `first`.
SampleRange npy_range(const NpyArray& array, std::int64_t first = 0);

/// Its samples in 8 bits. `outside` grows by how many the window does not hold. Throws as npy_range does.
std::vector<std::uint8_t> npy_in_window(const NpyArray& array, const Window& window, std::int64_t& outside,
                                        std::int64_t first = 0);

}  // namespace afu::data
