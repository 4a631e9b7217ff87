#pragma once
/// What verbs that take a scenario share.
#include <CLI/CLI.hpp>

#include <string>
#include <vector>

#include "config/loader.hpp"
#include "config/scenario.hpp"
#include "data/dataset.hpp"

namespace afu::cli {

struct ScenarioOptions {
  std::string file;
  std::vector<std::string> overrides;

  void declare(CLI::App& app);
  /// Throws config::ConfigError; also for a coordination that the method does not have.
  config::Scenario load() const;
  /// Where the key that `message` begins with is set: "s.toml:3:5: ", or "--set " before the key itself. Empty: it begins with none, or
  /// nothing sets it.
  std::string place_of(const std::string& message) const;
};

/// What `work` returns. What it throws of the user's data and files begins with the place of the key that it names first.
template <class Work>
int at_its_place(const ScenarioOptions& options, Work work) {
  try {
    return work();
  } catch (const config::ConfigError&) {
    throw;
  } catch (const InputError& e) {
    throw InputError(options.place_of(e.what()) + e.what());
  } catch (const data::DataError& e) {
    throw data::DataError(options.place_of(e.what()) + e.what());
  }
}

}  // namespace afu::cli
