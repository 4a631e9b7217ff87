/// Golden transcripts: each scenario beside this file has an exact expected event log on the virtual clock.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "actors/launch.hpp"
#include "config/loader.hpp"
#include "methods/registry.hpp"
#include "config/scenario.hpp"

#include <doctest/doctest.h>

using namespace afu;
namespace fs = std::filesystem;

TEST_CASE("scenarios play out exactly as recorded") {
  int count = 0;
  for (const auto& e : fs::directory_iterator(fs::path(AFU_SOURCE_DIR) / "tests/golden")) {
    if (e.path().extension() != ".toml") continue;
    ++count;
    CAPTURE(e.path().string());
    const auto log = fs::temp_directory_path() / ("afu-golden-" + std::to_string(::getpid()) + ".jsonl");
    actors::RunOptions options;
    options.files.events = log.string();
    const auto scenario = config::load_scenario(e.path().string(), {}, methods::method_sections());
    CHECK(actors::run_scenario(scenario, options).report.failure == "");
    std::stringstream got, expected;
    got << std::ifstream(log).rdbuf();
    auto transcript = e.path();
    expected << std::ifstream(transcript.replace_extension(".jsonl")).rdbuf();
    CHECK(expected.str().size() > 0);
    CHECK(got.str() == expected.str());
    fs::remove(log);
  }
  CHECK(count >= 3);
}
