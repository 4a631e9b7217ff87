#include "study/plan.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "config/loader.hpp"

using namespace afu;

namespace {

/// A study file's text is placed where its base scenario is found.
study::Study parse(const std::string& text) {
  return study::parse_study(text, std::string(AFU_SOURCE_DIR) + "/configs/studies/test.toml");
}
std::vector<std::string> errors_of(const std::string& text) {
  try {
    study::make_plan(parse(text));
  } catch (const config::ConfigError& e) {
    return e.messages();
  }
  return {};
}
bool any_has(const std::vector<std::string>& messages, const std::string& part) {
  for (const auto& m : messages)
    if (m.find(part) != std::string::npos) return true;
  return false;
}

const char* quick = R"([study]
base = "../quickstart.toml"
seeds = [1, 2]
methods = ["afu_ic", "retrain"]
)";

}  // namespace

TEST_CASE("cells are the product of axes, seeds and arms, each with its scenario") {
  const auto plan = study::make_plan(parse(std::string(quick) + R"(
set = { training.local_epochs = 2, "data.difficulty" = 0.1 }
[[arm]]
name = "no_window"
set = { unlearning.method = "afu_ic", "calibration.window_steps" = 0 }
[[axis]]
key = "heterogeneity.compute.slowdown"
values = [1.0, { distribution = "lognormal", median = 1.0, sigma = 1.0 }]
)"));
  CHECK(plan.study.name == "test");
  CHECK(plan.study.subject == "afu_ic");
  CHECK(plan.study.reference == "retrain");
  REQUIRE(plan.cells.size() == 2 * 2 * 3);
  CHECK(plan.groups == 4);
  std::set<std::string> folders;
  for (const auto& c : plan.cells) {
    folders.insert(c.folder);
    CHECK(c.scenario.scenario.seed == static_cast<std::uint64_t>(c.seed));
    CHECK(c.scenario.training.local_epochs == 2);
    CHECK(c.scenario.data.difficulty == 0.1);
    CHECK(c.scenario.unlearning.method == (c.arm == 1 ? "retrain" : "afu_ic"));
    CHECK(c.scenario.calibration.window_steps == (c.arm == 2 ? 0 : 2));
    CHECK(c.scenario.heterogeneity.compute.slowdown.kind == (c.values[0] == 0 ? "constant" : "lognormal"));
  }
  CHECK(folders.size() == plan.cells.size());
  CHECK(folders.count("cells/no_window/slowdown=1.0/seed=2") == 1);
  for (const auto& a : plan.cells)  // a group is what differs in the arm only
    for (const auto& b : plan.cells)
      CHECK((a.group == b.group) == (a.seed == b.seed && a.values == b.values));
}

TEST_CASE("the manifest holds what a report needs") {
  const auto plan = study::make_plan(parse(std::string(quick) + "claims = [\"latency\"]\n"));
  const auto m = study::manifest(plan, "afu study x.toml");
  CHECK(m["schema"] == 1);
  CHECK(m["reference"] == "retrain");
  CHECK(m["arms"][0]["synchronous"] == false);
  CHECK(m["arms"][1]["role"] == "reference");
  CHECK(m["cells"].size() == 4);
  CHECK(m["cells"][3]["folder"] == "cells/retrain/seed=2");
  CHECK(m["claims"] == nlohmann::json({"latency"}));
  CHECK(m["statistics"]["margins"]["test_accuracy"] == 0.02);
  CHECK(m["rebound"]["enabled"] == false);
}

TEST_CASE("arms that halt the federation or hold barriers are synchronous") {
  const auto plan = study::make_plan(parse(R"([study]
base = "../quickstart.toml"
seeds = [1]
methods = ["afu_ic", "fedquit"]
[[arm]]
name = "rounds"
set = { training.rule = "fedavg" }
[[arm]]
name = "retrain_barrier"
set = { unlearning.method = "retrain", unlearning.coordination = "blocking" }
)"));
  const auto& arms = plan.study.arms;
  CHECK_FALSE(arms[0].synchronous);
  CHECK(arms[1].synchronous);
  CHECK(arms[2].synchronous);
  CHECK(arms[3].synchronous);
}

TEST_CASE("the rebound protocol measures densely, goes on long enough, and brings its controls") {
  const auto plan = study::make_plan(parse(std::string(quick) + R"(
[[arm]]
name = "for_ever"
set = { unlearning.method = "afu_ic", calibration.window_updates = 100000 }
[rebound]
enabled = true
rounds = 10
tail_rounds = 5
)"));
  CHECK(plan.study.rebound.round_updates == 7);
  std::set<std::string> controls;
  for (const auto& a : plan.study.arms)
    if (a.role == "control") controls.insert(a.name);
  CHECK(controls == std::set<std::string>{"leak", "none", "placebo"});
  for (const auto& c : plan.cells) {
    CHECK(c.scenario.stop.updates == 120 + 16 * 7);  // and one evaluation beyond the last round
    CHECK(c.scenario.evaluation.dense_updates == 35);
    CHECK(c.scenario.evaluation.every_updates == 7);
    CHECK(c.scenario.calibration.window_updates <= 70);
    const auto& arm = plan.study.arms[c.arm].name;
    CHECK(c.scenario.calibration.placebo == (arm == "placebo"));
    CHECK(c.scenario.unlearning.late == (arm == "leak" ? "accept" : "rebase"));
  }
  CHECK(any_has(
      errors_of(std::string(quick) +
                "set = { erasure = [{ client = 0, at_seconds = 5.0 }] }\n[rebound]\nenabled = true\n"),
      "rebound.enabled"));
}

TEST_CASE("everything that is wrong is told at once, at the study's line") {
  const auto messages = errors_of(R"([study]
base = "../quickstart.toml"
seeds = [1, 2]
methods = ["afu_ic", "nonsense"]
set = { training.lr = 3.0 }
[[arm]]
name = "typo"
set = { training.epoch = 2 }
)");
  CHECK(any_has(messages, "test.toml:4:22: unlearning.method: \"nonsense\" is unknown"));
  CHECK(any_has(messages, "test.toml:5:18: training.lr: 3.0 is outside (0, 1]"));
  CHECK(any_has(messages, "training.epoch: unknown key, did you mean"));
  CHECK(any_has(messages, "(arm \"typo\")"));
}

TEST_CASE("a study's own keys are checked like a scenario's") {
  const auto messages = errors_of(R"([study]
base = 3
seeds = [1, 1, -2, "x"]
method = ["afu_ic"]
claims = ["fame"]
[statistics]
confidence = 2.0
[[arm]]
role = "reference"
colour = "red"
[[axis]]
key = "training.lr"
)");
  for (const char* part : {"test.toml:2:8: study.base: 3 is a whole number", "1 stands here twice",
                           "study.seeds: -2", "study.method: unknown key, did you mean methods?",
                           "\"fame\" is unknown", "statistics.confidence: 2.0", "name is missing",
                           "colour: unknown key", "values is missing or empty"}) {
    CAPTURE(part);
    CHECK(any_has(messages, part));
  }
  CHECK(any_has(errors_of("[study]\nbase = \"../quickstart.toml\"\nseeds = [1]\n"), "nothing to run"));
  CHECK(any_has(errors_of(std::string(quick) + "subject = \"pga\"\n"), "\"pga\" is no arm of this study"));
  CHECK(any_has(errors_of("[study]\nbase = \"nowhere.toml\"\nseeds = [1]\nmethods = [\"none\"]\n"),
                "nowhere.toml"));
}
