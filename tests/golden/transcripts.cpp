/// Golden transcripts: each scenario below this folder has an exact expected event log on the virtual clock.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "actors/launch.hpp"
#include "config/loader.hpp"
#include "config/scenario.hpp"
#include "methods/registry.hpp"

#include <doctest/doctest.h>

using namespace afu;
namespace fs = std::filesystem;

namespace {

const fs::path root = AFU_SOURCE_DIR, golden = root / "tests/golden";

std::string text_of(const fs::path& file) {
  std::stringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

/// Names of the scenarios that stand in `folder` itself.
std::set<std::string> scenarios_of(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& e : fs::directory_iterator(folder))
    if (e.path().extension() == ".toml") names.insert(e.path().stem().string());
  return names;
}

config::Scenario load(const fs::path& file) {
  return config::load_scenario(file.string(), {}, methods::method_sections());
}

void check_transcript(const fs::path& file) {
  const auto log = fs::temp_directory_path() / ("afu-golden-" + std::to_string(::getpid()) + ".jsonl");
  actors::RunOptions options;
  options.files.events = log.string();
  CHECK(actors::run_scenario(load(file), options).report.failure == "");
  const auto expected = text_of(fs::path(file).replace_extension(".jsonl"));
  CHECK(expected.size() > 0);
  CHECK(text_of(log) == expected);
  fs::remove(log);
}

}  // namespace

TEST_CASE("scenarios play out exactly as recorded") {
  const auto names = scenarios_of(golden);
  CHECK(names.size() >= 3);
  for (const auto& name : names) {
    CAPTURE(name);
    check_transcript(golden / (name + ".toml"));
  }
}

TEST_CASE("every method has a transcript, in which its request is served") {
  std::set<std::string> names;
  for (const auto& method : methods::methods()) {
    CAPTURE(method.name);
    names.insert(method.name);
    const auto file = golden / "methods" / (method.name + ".toml");
    REQUIRE(fs::exists(file));
    CHECK(load(file).unlearning.method == method.name);
    check_transcript(file);
    const bool forgets =
        text_of(fs::path(file).replace_extension(".jsonl")).find("\"forgotten\"") != std::string::npos;
    CHECK(forgets == (method.name != "none"));
  }
  CHECK(scenarios_of(golden / "methods") == names);
}

TEST_CASE("every file of configs/stragglers has a transcript, in which something is erased") {
  const auto names = scenarios_of(root / "configs/stragglers");
  CHECK(names.size() >= 9);
  for (const auto& name : names) {
    CAPTURE(name);
    const auto file = golden / "stragglers" / (name + ".toml");
    REQUIRE(fs::exists(file));
    CHECK(text_of(file).find("\"../../../configs/stragglers/" + name + ".toml\"") != std::string::npos);
    check_transcript(file);
    CHECK(text_of(fs::path(file).replace_extension(".jsonl")).find("\"erasure_merged\"") !=
          std::string::npos);
  }
  CHECK(scenarios_of(golden / "stragglers") == names);
}
