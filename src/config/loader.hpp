#pragma once
/// From a TOML file to a checked scenario. Everything that is wrong with it is reported at once.
#include <string>
#include <vector>

#include "base/input_error.hpp"
#include "config/option.hpp"
#include "config/scenario_fwd.hpp"

namespace afu::config {

/// The user's scenario is wrong. One message an error: `file:line:col: key: what it is, what is allowed`;
/// what() is all of them, a line each.
class ConfigError : public InputError {
 public:
  explicit ConfigError(std::vector<std::string> messages);
  const std::vector<std::string>& messages() const { return messages_; }

 private:
  std::vector<std::string> messages_;
};

/// Reads and checks `file`. `overrides`: `training.lr=0.01`, `erasure[0].client=2`; the value is TOML, or
/// else a bare string. `methods`: the registered unlearning methods. Keys of before are read as what they are called now,
/// and the scenario's notes tell so. Throws ConfigError; InputError where there is no such file.
Scenario load_scenario(const std::string& file, const std::vector<std::string>& overrides,
                       const std::vector<PluginSection>& methods);

/// The same from `text`; `name` stands in messages, and includes are relative to its folder.
Scenario parse_scenario(const std::string& text, const std::string& name,
                        const std::vector<std::string>& overrides, const std::vector<PluginSection>& methods);

/// What is wrong with `overrides` by themselves, whatever scenario they would change: keys that there are not, values that
/// no scenario has.
std::vector<std::string> override_errors(const std::vector<std::string>& overrides,
                                         const std::vector<PluginSection>& methods);

/// Where the file or folder `path` of a scenario lies: an absolute path as it is, else the first that exists
/// of: relative to the folder of `scenario_file` (where that is not empty), to the working directory, to
/// $AFU_DATA_DIR. Throws InputError that names all places tried, and what fetches the file, where something does.
std::string resolve_data_path(const std::string& path, const std::string& scenario_file);

}  // namespace afu::config
