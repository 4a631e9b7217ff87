#pragma once
/// Small federations run to their end through the real actors.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "actors/launch.hpp"
#include "config/loader.hpp"
#include "config/scenario.hpp"
#include "device/devices.hpp"
#include "methods/registry.hpp"

#include <doctest/doctest.h>

namespace afu::test {

struct Played {
  actors::RunResult result;
  std::vector<nlohmann::json> log;  ///< events and decisions, in order
  std::string text;                 ///< events.jsonl as it is
};

/// Six clients, 10x10 phantoms, 36 updates, client 0 asks after 18; links of 0.01 s. `more` is TOML that
/// follows, `set` overrides.
inline const char* small = R"(
[scenario]
name = "small"
seed = 3
[data]
image_size = 10
classes = 3
train_samples = 240
val_samples = 60
test_samples = 60
difficulty = 0.2
[data.backdoor]
trigger = "patch"
size = 2
fraction = 0.5
[partition]
clients = 6
[model]
name = "logreg"
[training]
batch_size = 16
[heterogeneity.compute]
seconds_per_sample = 0.01
slowdown = { distribution = "lognormal", median = 1.0, sigma = 0.6 }
[heterogeneity.network]
latency_seconds = 0.01
[calibration]
samples_per_environment = 4
window_updates = 6
[[erasure]]
client = 0
at_update = 18
[stop]
updates = 36
)";

inline Played play(const std::string& text, const std::vector<std::string>& set = {},
                   actors::RunOptions options = {}) {
  static int count = 0;
  device::prepare_process();
  const auto file = std::filesystem::temp_directory_path() /
                    ("afu-test-" + std::to_string(::getpid()) + "-" + std::to_string(++count) + ".jsonl");
  const auto scenario = config::parse_scenario(text, "test.toml", set, methods::method_sections());
  options.files.events = file.string();
  Played p;
  p.result = actors::run_scenario(scenario, options);
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    p.text += line + "\n";
    p.log.push_back(nlohmann::json::parse(line));
  }
  std::filesystem::remove(file);
  return p;
}

inline std::vector<nlohmann::json> decisions(const Played& p, const std::string& kind) {
  std::vector<nlohmann::json> found;
  for (const auto& e : p.log)
    if (e.contains("decision") && e["decision"] == kind) found.push_back(e);
  return found;
}

}  // namespace afu::test
