#pragma once
/// Options of [training] that hold with some others only.
#include "config/option.hpp"
#include "config/scenario_fwd.hpp"

namespace afu::config {

/// Complains about options that the scenario's rule has no use for, about those that leave it nothing to do, and about
/// a schedule that is not whole.
void check_training(const Scenario& s, const Complain& complain);

}  // namespace afu::config
