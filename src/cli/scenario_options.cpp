#include "cli/scenario_options.hpp"

#include "config/document.hpp"
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

std::string ScenarioOptions::place_of(const std::string& message) const {
  const auto key = message.substr(0, message.find_first_of(": ="));
  try {
    config::Errors errors;
    auto root = config::read_document(file, errors);
    for (const auto& text : overrides) config::apply_override(root, text, errors);
    const auto* value = key.empty() ? nullptr : config::node_at(root, key);
    if (!value) return {};
    const auto& at = value->place;
    const bool told = at.is_override && config::key_steps(at.file) == config::key_steps(key);
    return told ? "--set " : config::place_text(at) + ": ";
  } catch (const std::exception&) {  // a pipe that was read already
    return {};
  }
}

}  // namespace afu::cli
