#pragma once
/// Keys of before. They still work for one version, and whoever uses one is told what to write instead.
#include <vector>

#include "config/document.hpp"
#include "config/option.hpp"
#include "config/scenario.hpp"

namespace afu::config {

struct RenamedKey {
  const char* before;
  const char* now;
};
/// All that the next version will not know.
const std::vector<RenamedKey>& renamed_keys();

/// Calls the values of `root` what they are called now; a note for each that had its old name. Adds an error for a key
/// that is given by both names.
std::vector<Note> rename_old_keys(Node& root, Errors& errors);

/// A note for each switch in `root` that its method's `variant` has taken the place of (Option::retired).
std::vector<Note> retired_keys(const Node& root, const std::vector<PluginSection>& methods);

}  // namespace afu::config
