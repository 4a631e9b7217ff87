#pragma once
/// What a scenario's [output] asks for that the run cannot give.
#include "config/checks_calibration.hpp"

namespace afu::config {

void check_output(const Scenario& s, const Fail& fail);

}  // namespace afu::config
