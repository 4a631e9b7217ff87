#pragma once
/// What verbs that take a scenario share.
#include <CLI/CLI.hpp>

#include <string>
#include <vector>

#include "config/loader.hpp"
#include "config/scenario.hpp"

namespace afu::cli {

struct ScenarioOptions {
  std::string file;
  std::vector<std::string> overrides;

  void declare(CLI::App& app);
  /// Throws config::ConfigError; also for a coordination that the method does not have.
  config::Scenario load() const;
};

}  // namespace afu::cli
