// Defaults that the choice of another key brings along.
#include <doctest/doctest.h>

#include "config/declare.hpp"
#include "config/sections/calibration_research.hpp"
#include "support.hpp"

using namespace afu::config;
using namespace afu::config::test;

namespace {

const std::string stop = "[stop]\nupdates = 9\n";

/// A method whose option `source` brings other defaults along unless it is "kept".
std::vector<PluginSection> choosing() {
  auto all = methods();
  PluginSection m{"chooser", "Chooses.", {choice("source", {"kept", "made", "found"}, "Which.")}};
  m.implied = {{"source",
                "kept",
                {{"calibration.beta", 0.25},
                 {"calibration.steps", std::int64_t{7}},
                 {"calibration.research.stages", std::int64_t{3}}}}};
  all.push_back(std::move(m));
  return all;
}
Scenario chosen(const std::string& text, const std::vector<std::string>& set = {}) {
  return parse_scenario(text + stop, "s.toml", set, choosing());
}

}  // namespace

TEST_CASE("a choice brings its defaults along, and what is given stays") {
  auto s = chosen("[unlearning]\nmethod = \"chooser\"\n[unlearning.chooser]\nsource = \"made\"\n");
  CHECK(s.calibration.beta == 0.25);
  CHECK(s.calibration.steps == 7);
  CHECK(s.calibration.research->stages == 3);
  s = chosen(
      "[unlearning]\nmethod = \"chooser\"\n[unlearning.chooser]\nsource = \"made\"\n[calibration]\nbeta = 0.5\n",
      {"calibration.research.stages=4"});
  CHECK(s.calibration.beta == 0.5);
  CHECK(s.calibration.steps == 7);
  CHECK(s.calibration.research->stages == 4);
  s = chosen("", {"unlearning.method=chooser", "unlearning.chooser.source=found"});
  CHECK(s.calibration.beta == 0.25);
}

TEST_CASE("nothing is brought along by the default, another method's choice, or none") {
  const Scenario usual;
  for (const char* text :
       {"[unlearning]\nmethod = \"chooser\"\n[unlearning.chooser]\nsource = \"kept\"\n",
        "[unlearning]\nmethod = \"chooser\"\n", "[unlearning.chooser]\nsource = \"made\"\n"}) {
    CAPTURE(text);
    const auto s = chosen(text);
    CHECK(s.calibration.beta == usual.calibration.beta);
    CHECK(s.calibration.steps == usual.calibration.steps);
    CHECK(s.calibration.research->stages == usual.calibration.research->stages);
  }
}

TEST_CASE("a section that is none is refused as ever") {
  CHECK_THROWS_AS(
      chosen(
          "calibration = 3\n[unlearning]\nmethod = \"chooser\"\n[unlearning.chooser]\nsource = \"made\"\n"),
      ConfigError);
}
