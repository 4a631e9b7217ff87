#pragma once
/// Checks that need more than one value: each error stands at the line of the culprit.
#include "config/document.hpp"
#include "config/option.hpp"
#include "config/scenario_fwd.hpp"

namespace afu::config {

/// `s` was read from `root`, and all its single values are good.
void check_scenario(const Scenario& s, const Node& root, const std::vector<PluginSection>& methods,
                    Errors& errors);

}  // namespace afu::config
