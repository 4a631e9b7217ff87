#pragma once
/// How many calibration images patterns are searched on, and how often. No torch in this header.
#include <cstddef>
#include <cstdint>

namespace afu::calibrate {

/// At most: the first ones.
inline constexpr std::size_t most_searched = 512;

/// How often it is searched for what was erased, at most: again where no pattern works, each time with half the sparsity.
inline constexpr std::int64_t most_searches = 3;

}  // namespace afu::calibrate
