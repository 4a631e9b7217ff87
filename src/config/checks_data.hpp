#pragma once
/// What a scenario's [data] asks for that its source cannot give.
#include "config/checks_calibration.hpp"

namespace afu::config {

void check_data(const Scenario& s, const Fail& fail);

}  // namespace afu::config
