#pragma once
/// A part of checks.hpp: what of [calibration] does nothing, or cannot work with the rest of the scenario.
#include <functional>
#include <initializer_list>
#include <string>

#include "config/scenario_fwd.hpp"

namespace afu::config {

/// Takes the key that is wrong, what is wrong with it, and the beginnings of other keys that were looked at.
using Fail = std::function<void(const std::string& key, const std::string& text,
                                std::initializer_list<std::string> needs)>;

/// The key of an array's element: "compute.devices[1]".
inline std::string item(const std::string& array, std::size_t i) {
  return array + "[" + std::to_string(i) + "]";
}

void check_calibration(const Scenario& scenario, const Fail& fail);

}  // namespace afu::config
