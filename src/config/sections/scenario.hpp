#pragma once
/// [scenario].
#include <cstdint>
#include <string>

#include "config/choice.hpp"

namespace afu::config {

enum class Clock { simulated, wall };
constexpr std::string_view words_of(Clock) { return "virtual, wall"; }

AFU_CHOICE(Execute, train, timing)

struct ScenarioSection {
  std::string name = "unnamed";
  std::uint64_t seed = 1;
  Clock clock = Clock::simulated;
  double time_scale = 1.0;  ///< real seconds a second of the run's clock takes (wall clock only)
  Execute execute = Execute::train;
};

}  // namespace afu::config
