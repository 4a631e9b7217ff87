#pragma once
/// The bounds of simulated time.
#include <algorithm>
#include <chrono>
#include <cstdint>

namespace afu::sim {

/// The end of simulated time, 32,000 years: beyond it a double tells no tenth of a millisecond from the next,
/// so that links and jobs would seem to take no time. What would come later never comes.
inline constexpr double horizon_seconds = 1e12;

/// How long to wait for `seconds` of the run's clock on the wall clock, of which one takes `time_scale` real
/// seconds: ten minutes at most, after which one looks again.
inline std::chrono::nanoseconds bounded_wait(double seconds, double time_scale) {
  constexpr double longest = 600;
  return std::chrono::nanoseconds(
      static_cast<std::int64_t>(std::clamp(seconds * time_scale, 0.0, longest) * 1e9));
}

}  // namespace afu::sim
