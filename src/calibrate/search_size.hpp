#pragma once
/// How many calibration images patterns are searched on. No torch in this header.
#include <cstddef>

namespace afu::calibrate {

/// At most: the first ones.
inline constexpr std::size_t most_searched = 512;

}  // namespace afu::calibrate
