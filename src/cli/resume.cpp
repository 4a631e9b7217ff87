#include "cli/resume.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <system_error>
#include <vector>

#include "cli/study_eta.hpp"
#include "cli/study_folder.hpp"
#include "config/changes.hpp"
#include "config/loader.hpp"
#include "config/scenario.hpp"
#include "config/writer.hpp"
#include "device/devices.hpp"
#include "methods/registry.hpp"
#include "record/run_folder.hpp"
#include "record/seal.hpp"

namespace afu::cli {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const fs::path& folder, const std::string& why) {
  throw record::RunFolderError(
      fmt::format("output folder '{}' holds a run that was stopped, and it cannot go on: {}\nchoose another "
                  "folder, or have the run begin anew: --fresh",
                  folder.string(), why));
}

/// Whether `wanted` goes as far as `held` or further. 0 is no limit.
bool goes_as_far(const config::StopSection& wanted, const config::StopSection& held) {
  const auto limit = [](double v) { return v > 0 ? v : std::numeric_limits<double>::infinity(); };
  const auto as_far = [&](auto w, auto h) {
    return limit(static_cast<double>(w)) >= limit(static_cast<double>(h));
  };
  return as_far(wanted.updates, held.updates) && as_far(wanted.rounds, held.rounds) &&
         as_far(wanted.seconds, held.seconds);
}

std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const auto& p : parts) out += (out.empty() ? "" : "; ") + p;
  return out;
}

std::vector<std::string> other_inputs(const config::Scenario& scenario, const lane::BegunRun& run) {
  std::vector<std::string> found;
  for (const auto& [key, path] : config::used_paths(scenario)) {
    const auto same = [&, key = key](const auto& i) { return i.key == key; };
    const auto input = std::find_if(run.inputs.begin(), run.inputs.end(), same);
    try {
      const auto now = record::digest_of_input(path);
      if (input == run.inputs.end() || input->sha256 != now.sha256 || input->bytes != now.bytes)
        found.push_back(fmt::format("{}: the content of '{}' is another", key, path));
    } catch (const std::runtime_error& e) {
      found.push_back(key + ": " + e.what());
    }
  }
  return found;
}

double seconds_since_written(const fs::path& folder) {
  std::error_code error;
  auto latest = fs::file_time_type::min();
  for (const auto name : record::run_files)
    if (const auto at = fs::last_write_time(folder / name, error); !error) latest = std::max(latest, at);
  return std::max(0.0, std::chrono::duration<double>(fs::file_time_type::clock::now() - latest).count());
}

}  // namespace

bool was_stopped(const fs::path& folder) {
  std::error_code error;
  const auto scenario = folder / "scenario.toml";
  if (!fs::is_regular_file(scenario, error) || fs::file_size(scenario, error) == 0 || error) return false;
  if (!fs::is_regular_file(folder / record::checkpoint_name, error)) return false;
  if (!fs::exists(folder / "files.json", error)) return true;
  const auto ended = ending_of(folder);
  return ended == "interrupted" || ended.rfind("failed", 0) == 0;
}

std::optional<Unfinished> find_unfinished(const fs::path& folder, const config::Scenario& scenario) {
  if (!was_stopped(folder)) return std::nullopt;
  const auto methods = methods::method_sections();
  config::Scenario held;
  try {
    held = config::load_scenario((folder / "scenario.toml").string(), {}, methods);
  } catch (const config::ConfigError& e) {
    refuse(folder, "its scenario cannot be read by this program: " + e.messages().front());
  }
  auto differences = config::changes(held, scenario, methods);
  const bool longer = goes_as_far(scenario.stop, held.stop);
  const auto is_stop = [](const std::string& change) { return change.rfind("stop.", 0) == 0; };
  const bool other_stop = std::any_of(differences.begin(), differences.end(), is_stop);
  if (longer)
    differences.erase(std::remove_if(differences.begin(), differences.end(), is_stop), differences.end());
  if (!differences.empty()) refuse(folder, joined(differences));

  Unfinished run;
  try {
    run.held = lane::read_checkpoint(folder / record::checkpoint_name);
  } catch (const std::runtime_error& e) {
    refuse(folder, e.what());
  }
  if (other_stop && run.held.state.ended)
    refuse(folder,
           "it had met its stop condition and dropped what was under way, so it cannot be made longer");
  if (run.held.run.revision != device::revision())
    refuse(folder, fmt::format("it was begun by revision {} of afu, this is {}", run.held.run.revision,
                               device::revision()));
  if (const auto others = other_inputs(scenario, run.held.run); !others.empty())
    refuse(folder, joined(others));
  run.away_seconds = seconds_since_written(folder);
  return run;
}

std::string going_on(const Unfinished& run) {
  return fmt::format("goes on with the run that began at {}: {} results are there; it was away for {}",
                     run.held.run.started, run.held.results.size(), clock_text(run.away_seconds));
}

}  // namespace afu::cli
