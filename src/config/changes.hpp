#pragma once
/// Whether a finished run is what a scenario asks for.
#include <string>
#include <vector>

#include "config/option.hpp"
#include "config/scenario_fwd.hpp"

namespace afu::config {

/// The keys in which the scenario of a run, `held`, differs from `wanted`, with both values: "training.lr was
/// 0.1, is 0.2". Left out is what changes no result: the name, the folder, lanes, nodes and look-ahead; and files
/// that were written and are not asked for now.
std::vector<std::string> changes(const Scenario& held, const Scenario& wanted,
                                 const std::vector<PluginSection>& methods);

}  // namespace afu::config
