#pragma once
/// What cannot be done with images that have any number of labels, told before anything is computed.
#include <string>
#include <vector>

#include "config/scenario_fwd.hpp"

namespace afu::federate {

/// Throws data::DataError with a line for each thing that the scenario asks for and that needs images of one class.
void check_multi_label(const config::Scenario& scenario);

/// The attacks that "default" or "all" would have brought and that need images of one class, with the reasons: one sentence,
/// or empty.
std::string attacks_left_out(const config::Scenario& scenario);

}  // namespace afu::federate
