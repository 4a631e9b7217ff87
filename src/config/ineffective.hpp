#pragma once
/// Options that are set and do nothing.
#include <string>
#include <vector>

#include "config/option.hpp"
#include "config/scenario_fwd.hpp"

namespace afu::config {

/// An option that does something only where another one has one of `values`; where `values` is empty, where
/// the other one is a number above 0.
struct Condition {
  const char* key;
  const char* other;
  std::vector<std::string> values;
};
const std::vector<Condition>& conditions();

/// One line for each option that differs from its default and has no effect in `s`, for a study's arms may
/// share one base: these are told, not refused. A method's own section counts as one option.
std::vector<std::string> ineffective(const Scenario& s, const std::vector<PluginSection>& methods);

}  // namespace afu::config
