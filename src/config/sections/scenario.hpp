#pragma once
/// [scenario].
#include <cstdint>
#include <string>

#include "config/choices.hpp"

namespace afu::config {

struct ScenarioSection {
  std::string name = "unnamed";
  std::uint64_t seed = 1;
  Clock clock = Clock::simulated;
  double time_scale = 1.0;  ///< real seconds a second of the run's clock takes (wall clock only)
  Execute execute = Execute::train;
};

}  // namespace afu::config
