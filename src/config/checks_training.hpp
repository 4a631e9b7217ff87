#pragma once
/// Options of [training] that hold for some rules only.
#include "config/option.hpp"
#include "config/scenario_fwd.hpp"

namespace afu::config {

/// Complains about options that the scenario's rule has no use for, and about those that leave it nothing to
/// do.
void check_training(const Scenario& s, const Complain& complain);

}  // namespace afu::config
