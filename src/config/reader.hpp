#pragma once
/// Reads a document into a scenario, option by option: types, ranges, choices, keys that nobody knows.
#include "config/document.hpp"
#include "config/schema.hpp"

namespace afu::config {

/// Fills `s` from `root` and adds what is wrong with single values to `errors`; a value that is wrong keeps
/// its default.
void read_scenario(const Node& root, const std::vector<PluginSection>& methods, Scenario& s, Errors& errors);

/// Fills what `all` is bound to from `root`, likewise: for files that are no scenarios.
void read_sections(const Node& root, std::vector<Section> all, Errors& errors);

}  // namespace afu::config
