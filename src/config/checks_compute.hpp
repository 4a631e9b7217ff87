#pragma once
/// What of a scenario's [compute] does not go together, or names no device and no node.
#include "config/checks_calibration.hpp"

namespace afu::config {

void check_compute(const Scenario& s, const Fail& fail);

}  // namespace afu::config
