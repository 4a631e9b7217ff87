#pragma once
/// Defaults that the choice of another key brings along (Implied).
#include <vector>

#include "config/document.hpp"
#include "config/option.hpp"

namespace afu::config {

/// Gives `root` the keys that the method in use implies there and that it has not. Their place is the choice's.
void imply_keys(Node& root, const std::vector<PluginSection>& methods);

}  // namespace afu::config
