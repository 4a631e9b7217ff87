#include "cli/scenario_options.hpp"

#include "config/scenario.hpp"
#include "methods/registry.hpp"

namespace afu::cli {

void ScenarioOptions::declare(CLI::App& app) {
  app.add_option("scenario", file, "Scenario file (TOML)")->required();
  app.add_option("--set", overrides, "Override a key: --set training.lr=0.01")
      ->take_all()
      ->allow_extra_args(false);
}

config::Scenario ScenarioOptions::load() const {
  return config::load_scenario(file, overrides, methods::method_sections());
}

}  // namespace afu::cli
