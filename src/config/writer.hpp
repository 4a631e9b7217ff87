#pragma once
/// Scenarios as TOML text.
#include <string>
#include <utility>
#include <vector>

#include "config/option.hpp"
#include "config/scenario_fwd.hpp"

namespace afu::config {

/// The resolved scenario, every default spelled out; parse_scenario reads it back as the same scenario.
std::string to_toml(const Scenario& s, const std::vector<PluginSection>& methods);

/// Every key of the resolved scenario with its value as TOML, in the schema's order: "training.lr", "0.1";
/// "erasure[0].client", "2".
std::vector<std::pair<std::string, std::string>> key_values(const Scenario& s,
                                                            const std::vector<PluginSection>& methods);

/// Every key with its help, unit, range or choices, and default; loads as a scenario of defaults. Arrays of
/// tables and times of an erasure are commented out with a `#` that no space follows.
std::string reference_toml(const std::vector<PluginSection>& methods);

/// Every path that the scenario uses, as resolve_data_path finds it, made absolute: so that the scenario can
/// be run from another folder. Throws InputError that names the key and the places tried, also for a path
/// that is no UTF-8: the resolved scenario could not be read again.
Scenario with_absolute_paths(Scenario s);

/// Key and value of every path that the scenario uses.
std::vector<std::pair<std::string, std::string>> used_paths(const Scenario& s);

}  // namespace afu::config
