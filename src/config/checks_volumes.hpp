#pragma once
/// What cannot be done with volumes.
#include <cstdint>

#include "config/checks_calibration.hpp"
#include "config/scenario_fwd.hpp"

namespace afu::config {

/// Calls `fail` for each thing that the scenario asks for and volumes of so many slices do not allow; for none where `depth`
/// is 1.
void check_volumes(const Scenario& scenario, std::int64_t depth, const Fail& fail);

}  // namespace afu::config
