#include "study/plan.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "config/loader.hpp"
#include "config/writer.hpp"
#include "figures/preconditions.hpp"
#include "figures/run_data.hpp"
#include "methods/registry.hpp"

using namespace afu;

namespace {

/// A study file's text is placed where its base scenario is found.
study::Study parse(const std::string& text) {
  return study::parse_study(text, std::string(AFU_SOURCE_DIR) + "/configs/studies/test.toml");
}
std::vector<std::string> errors_of(const std::string& text) {
  try {
    config::Errors errors;
    auto study = study::parse_study(text, std::string(AFU_SOURCE_DIR) + "/configs/studies/test.toml", errors);
    study::make_plan(std::move(study), errors);
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

TEST_CASE("keys of before work in arms, axes and for every cell, and are told once, at the study's line") {
  const auto with = [](const char* loss, const char* guard, const char* axis) {
    return study::make_plan(
        parse(std::string(quick) + "set = { " + guard + " = 2 }\n[[arm]]\nname = \"loss\"\nset = { " + loss +
              " = true }\n[[arm]]\nname = \"more\"\nset = { " + loss +
              " = true, calibration.steps = 9 }\n[[axis]]\nkey = \"" + axis + "\"\nvalues = [1, 5]\n"));
  };
  const auto before = with("calibration.until_loss", "calibration.guard_rank", "calibration.stages");
  const auto now = with("calibration.research.until_loss", "calibration.research.guard_rank",
                        "calibration.research.stages");
  REQUIRE(before.cells.size() == 2 * 2 * 4);
  REQUIRE(now.cells.size() == before.cells.size());
  for (std::size_t i = 0; i < now.cells.size(); ++i)
    CHECK(config::to_toml(before.cells[i].scenario, methods::method_sections()) ==
          config::to_toml(now.cells[i].scenario, methods::method_sections()));
  const auto line = [](const char* at, const std::string& key) {
    return std::string(AFU_SOURCE_DIR) + "/configs/studies/test.toml:" + at + ": calibration." + key +
           " is calibration.research." + key + " now; the old name goes with the next version";
  };
  CHECK(before.notes.size() == 3);
  for (const auto& told : {line("5:21", "guard_rank"), line("8:21", "until_loss"), line("14:11", "stages")}) {
    INFO(told);
    CHECK(std::count(before.notes.begin(), before.notes.end(), told) == 1);
  }
  CHECK(now.notes.empty());
  CHECK(any_has(
      errors_of(
          std::string(quick) +
          "set = { calibration.kd = 1.0 }\n[[arm]]\nname = \"x\"\nset = { calibration.research.kd = 2.0 }\n"),
      "calibration.kd: is calibration.research.kd now, which is given too"));
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

TEST_CASE(
    "a stop before the rebound protocol's end is refused, and one too soon in the base does not matter") {
  const auto asked = [](const std::string& set) {
    return "set = { erasure = [{ client = 0, at_update = 400 }]" + set +
           " }\n[rebound]\nenabled = true\nrounds = 3\ntail_rounds = 2\n";
  };
  CHECK(any_has(
      errors_of(quick + asked(", stop.updates = 441")),
      "stop.updates: 441 ends the run before the rebound protocol does, which follows 6 rounds of 7 updates "
      "after update 400; allowed is 442 or more"));
  CHECK(errors_of(quick + asked(", stop.updates = 442")).empty());
  CHECK(errors_of(quick + asked("")).empty());
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
  CHECK(any_has(plan.notes, "the arm \"for_ever\" calibrates for 70 updates instead of 100000"));
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
    CHECK(c.scenario.unlearning.late ==
          (arm == "leak" ? config::LatePolicy::accept : config::LatePolicy::rebase));
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

TEST_CASE(
    "mistakes of the file, of its base and of its cells are told together, each once, in the order of the lines") {
  const auto folder = std::string(AFU_SOURCE_DIR) + "/configs/studies/";
  const auto file = folder + "test.toml:";
  const auto messages = errors_of(R"([study]
base = "nope.toml"
seeds = [1, 1]
methods = ["afu_ic", "retrian", "xyzzy"]
referense = "retrain"
reference = "retrian"
subject = "afu_ik"
set = { training.lr = 3.0 }
[[arm]]
name = "typo"
roll = "control"
set = { training.epoch = 2 }
)");
  CHECK(
      messages ==
      std::vector<std::string>{
          file + "2:8: study.base: nope.toml: no such file, tried " + folder + "nope.toml",
          file + "3:13: study.seeds: 1 stands here twice",
          file +
              "4:22: unlearning.method: \"retrian\" is unknown, did you mean \"retrain\"? (arm \"retrian\")",
          messages.size() > 3 ? messages[3] : "",
          file + "5:1: study.referense: unknown key, did you mean reference?",
          file + "6:13: study.reference: \"retrian\" is no arm of this study, did you mean \"retrain\"?",
          file + "7:11: study.subject: \"afu_ik\" is no arm of this study, did you mean \"afu_ic\"?",
          file + "8:18: training.lr: 3.0 is outside (0, 1]",
          file + "11:1: arm[0].roll: unknown key, did you mean role?",
          file + "12:18: training.epoch: unknown key, did you mean local_epochs? (arm \"typo\")"});
  REQUIRE(messages.size() > 3);
  CHECK(messages[3].find(file + "4:33: unlearning.method: \"xyzzy\" is unknown, allowed are \"afu_ic\"") ==
        0);
  // The reference that was meant is there, and so is the arm that has it.
  const auto meant = errors_of(
      "[study]\nbase = \"../quickstart.toml\"\nseeds = [1]\nmethods = [\"afu_ic\", \"retrian\"]\nreference = \"retrain\"\n");
  REQUIRE(meant.size() == 1);
  CHECK(meant[0].find(file + "4:22: unlearning.method: \"retrian\"") == 0);
  // A base with mistakes of its own tells each once, however many arms start from it.
  const auto scenario = std::filesystem::temp_directory_path() / "afu-study-base.toml";
  std::ofstream(scenario) << "[training]\nlr = 3.0\n[stop]\nupdates = 5\n";
  const auto of_base = errors_of("[study]\nbase = \"" + scenario.string() +
                                 "\"\nseeds = [1, 2]\nmethods = [\"afu_ic\", \"retrain\", \"none\"]\n");
  std::filesystem::remove(scenario);
  CHECK(of_base == std::vector<std::string>{scenario.string() + ":2:6: training.lr: 3.0 is outside (0, 1]"});
}

TEST_CASE("fewer seeds than claims need are warned of, by the number that the verdicts take") {
  const auto of = [](const std::string& seeds) {
    return study::make_plan(
               parse("[study]\nbase = \"../quickstart.toml\"\nmethods = [\"afu_ic\", \"retrain\"]\nseeds = " +
                     seeds + "\n"))
        .warnings;
  };
  CHECK(of("[1, 2]") == std::vector<std::string>{"claims need at least 3 seeds; this study has 2"});
  CHECK(of("[1, 2, 3]").empty());
  CHECK(figures::fewest_pairs == 3);
  std::ifstream page(std::string(AFU_SOURCE_DIR) + "/configs/studies/README.md");
  const std::string text{std::istreambuf_iterator<char>(page), {}};
  CHECK(text.find(fmt::format("claims need at least {} seeds", figures::fewest_pairs)) != std::string::npos);
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

TEST_CASE("a scenario that is given for a study is one error") {
  const auto messages = errors_of("[data]\nclasses = 3\n[scenario]\nname = \"x\"\n");
  REQUIRE(messages.size() == 1);
  CHECK(any_has(messages, "test.toml:3:2: scenario: this file is a scenario, not a study: `afu check "));
}

TEST_CASE("fidelity is judged by balanced accuracy and AUC, and a margin may be given of any metric") {
  const auto usual = parse(quick).statistics;
  CHECK(usual.family ==
        std::vector<std::string>{"balanced_accuracy", "test_auc", "attack_success_rate", "mia_auc"});
  CHECK(usual.margins.at("balanced_accuracy") == 0.03);
  CHECK(usual.margins.at("test_auc") == 0.03);
  CHECK(usual.margins.at("test_accuracy") == 0.02);
  std::string margins = "[statistics]\nfamily = [";
  for (const auto& m : figures::metrics()) margins += std::string("\"") + m.name + "\", ";
  margins += "]\n[statistics.margins]\n";
  for (const auto& m : figures::metrics()) margins += m.name + std::string(" = 0.25\n");
  const auto all = parse(quick + margins).statistics;
  CHECK(all.family.size() == figures::metrics().size());
  for (const auto& m : figures::metrics()) CHECK(all.margins.at(m.name) == 0.25);
  CHECK(parse(quick + std::string("[statistics.margins]\ntest_loss = 2.5\n"))
            .statistics.margins.at("test_loss") == 2.5);
  CHECK(any_has(errors_of(quick + std::string("[statistics.margins]\ntest_auc = 2.5\n")), "test_auc: 2.5"));
  const char* const names =
      "test_accuracy, balanced_accuracy, test_auc, test_loss, calibration_error, brier_score, forget_accuracy, "
      "retain_accuracy, attack_success_rate";
  CHECK(any_has(errors_of(quick + std::string("[statistics.margins]\nfame = 0.1\n")), names));
  auto quoted = errors_of(quick + std::string("[statistics]\nfamily = [\"fame\"]\n"));
  for (auto& message : quoted) message.erase(std::remove(message.begin(), message.end(), '"'), message.end());
  CHECK(any_has(quoted, names));
}

TEST_CASE("an axis over a section sets the keys of its table and leaves the others, as an arm does") {
  const auto plan = study::make_plan(parse(std::string(quick) + R"(
[[axis]]
key = "training"
values = [{ lr = 0.1 }, { lr = 0.2, local_epochs = 2 }]
[[arm]]
name = "table"
set = { data = { difficulty = 0.1 } }
)"));
  const auto base = config::load_scenario(std::string(AFU_SOURCE_DIR) + "/configs/quickstart.toml", {},
                                          methods::method_sections());
  for (const auto& c : plan.cells) {
    CHECK(c.scenario.training.lr == (c.values[0] == 0 ? 0.1 : 0.2));
    CHECK(c.scenario.training.batch_size == base.training.batch_size);
    CHECK(c.scenario.data.train_samples == base.data.train_samples);
  }
}

TEST_CASE("a key that two parts of a study set is refused: one of them would silently lose") {
  const auto of = [](const std::string& more) { return errors_of(quick + more); };
  const auto lr_axis = std::string("[[axis]]\nkey = \"training.lr\"\nvalues = [0.01, 0.1]\n");
  // An arm would set what the axis varies.
  const auto arm = of(lr_axis + "[[arm]]\nname = \"x\"\nset = { training = { lr = 0.5 } }\n");
  CHECK(arm ==
        std::vector<std::string>{std::string(AFU_SOURCE_DIR) +
                                 "/configs/studies/test.toml:10:22: training.lr: is what the axis on line 5 "
                                 "varies; the arm \"x\" would set it alike in every cell"});
  CHECK(any_has(of("[[axis]]\nkey = \"training\"\nvalues = [{ lr = 0.1 }, { lr = 0.2 }]\n"
                   "[[arm]]\nname = \"x\"\nset = { training.lr = 0.5 }\n"),
                "varies"));
  CHECK(any_has(of("[[axis]]\nkey = \"unlearning.method\"\nvalues = [\"none\", \"subtract\"]\n"),
                "the axis on line 5 varies; the arm \"afu_ic\""));
  // Two axes of one key, or of a section and a key in it.
  CHECK(any_has(of(lr_axis + lr_axis), "test.toml:8:1: training.lr: is an axis already, on line 5"));
  CHECK(
      any_has(of(lr_axis + "[[axis]]\nkey = \"training\"\nvalues = [{ lr = 0.3 }]\n"), "is an axis already"));
  // A common setting that is in no cell.
  CHECK(any_has(of("set = { training.lr = 0.2 }\n" + lr_axis),
                "test.toml:5:18: training.lr: is what the axis"));
  // The study's own.
  for (const char* more :
       {"[[axis]]\nkey = \"scenario.seed\"\nvalues = [7, 8]\n", "set = { scenario.seed = 7 }\n",
        "[[arm]]\nname = \"x\"\nset = { scenario = { seed = 7 } }\n"})
    CHECK(any_has(of(more), "scenario.seed: the seeds of the cells are study.seeds"));
  CHECK(any_has(of("set = { output.folder = \"x\" }\n"), "every cell has a folder of its own"));
  // Twice in one place.
  CHECK(any_has(of("set = { \"training.lr\" = 0.1, training = { lr = 0.2 } }\n"), "stands here twice"));
}

TEST_CASE("values of an axis that give one scenario are refused") {
  const auto of = [](const std::string& key, const std::string& values) {
    return errors_of(std::string(quick) + "[[axis]]\nkey = \"" + key + "\"\nvalues = [" + values + "]\n");
  };
  CHECK(
      any_has(of("training.lr", "0.1, 0.2, 0.10"), "test.toml:7:21: axis[0].values: 0.1 stands here twice"));
  CHECK(any_has(of("heterogeneity.compute.jitter", "1, 1.0"),
                "1.0 gives the arm \"afu_ic\" the same scenario as 1"));
  CHECK(any_has(errors_of(std::string(quick) + "[[axis]]\nkey = \"\"\nvalues = [1]\n"),
                "axis[0].key: is empty"));
}

TEST_CASE("values whose folders would be named alike, or too long, are told apart by their number") {
  const auto plan = study::make_plan(parse(R"([study]
base = "../quickstart.toml"
seeds = [1]
methods = ["retrain"]
[[axis]]
key = "data.path"
values = ["a b", "a_b", "0_a_b", "c", ")" + std::string(300, 'x') +
                                           "\"]\n"));
  std::set<std::string> folders;
  for (const auto& c : plan.cells) {
    folders.insert(c.folder);
    for (const auto& part : std::filesystem::path(c.folder)) CHECK(part.string().size() < 200);
  }
  CHECK(folders.size() == 5);
}

TEST_CASE("lists in which something stands twice are refused") {
  for (const char* more :
       {"claims = [\"latency\", \"no_downtime\", \"latency\"]\n", "distances = [\"retrain\", \"retrain\"]\n",
        "methods = [\"none\", \"none\"]\n", "[statistics]\nfamily = [\"mia_auc\", \"mia_auc\"]\n"}) {
    CAPTURE(more);
    const bool lists_methods = std::string(more).rfind("methods", 0) == 0;
    const auto head =
        lists_methods ? std::string("[study]\nbase = \"../quickstart.toml\"\nseeds = [1]\n") : quick;
    CHECK(any_has(errors_of(head + more), "stands here twice"));
  }
}

TEST_CASE(
    "claims that the arms do not allow are left out with the reason, and refused where they are asked for") {
  const auto of = [](const std::string& methods, const std::string& more = "") {
    return study::make_plan(parse("[study]\nbase = \"../quickstart.toml\"\nseeds = [1]\nmethods = " +
                                  methods + "\n" + more))
        .study;
  };
  using Names = std::vector<std::string>;
  const auto full = of("[\"afu_ic\", \"retrain\", \"federaser\"]", "[rebound]\nenabled = true\n");
  CHECK(full.claims == Names{"equivalence", "no_rebound", "no_downtime", "latency"});
  CHECK(full.claims_left_out.empty());

  const auto alone = of("[\"afu_ic\", \"none\"]");
  CHECK(alone.subject == "afu_ic");
  CHECK(alone.reference == "none");  // to compare with, not to be equivalent to
  CHECK(alone.claims == Names{"no_downtime"});
  REQUIRE(alone.claims_left_out.size() == 3);
  CHECK(alone.claims_left_out[0].second.find("no arm retrains") != std::string::npos);
  CHECK(study::manifest(study::make_plan(parse(std::string(quick))), "x")["claims_left_out"][0]["claim"] ==
        "no_rebound");

  const auto one = of("[\"afu_ic\"]");  // and there is nothing to compare it with
  CHECK(one.claims == Names{"no_downtime"});
  CHECK(of("[\"federaser\", \"retrain\"]").subject == "federaser");
  CHECK(of("[\"retrain\"]", "[[arm]]\nname = \"fresh\"\nset = { unlearning.method = \"retrain\" }\n")
            .reference == "retrain");
  const auto named =
      of("[\"none\", \"afu_ic\"]", "[[arm]]\nname = \"fresh\"\nset = { unlearning.method = \"retrain\" }\n");
  CHECK(named.reference == "fresh");  // whatever it is called

  const auto head = std::string("[study]\nbase = \"../quickstart.toml\"\nseeds = [1]\n");
  const auto asked = errors_of(head +
                               "methods = [\"afu_ic\", \"none\"]\nclaims = [\"no_downtime\", \"latency\", "
                               "\"equivalence\"]\n");
  CHECK(any_has(asked, "test.toml:5:26: study.claims: \"latency\" cannot be judged: no arm retrains"));
  CHECK(any_has(asked, "test.toml:5:37: study.claims: \"equivalence\" cannot be judged: no arm retrains"));
  CHECK(asked.size() == 2);
  const auto moot = study::make_plan(parse(quick + std::string("claims = [\"latency\"]\n")));
  CHECK(moot.study.claims == Names{"latency"});  // the report's answer is that nobody is slower
  CHECK(any_has(moot.notes, "the claim latency will stay open: no other arm halts"));
  CHECK(any_has(errors_of(quick + std::string("claims = [\"no_rebound\"]\n")), "rebound.enabled"));
  CHECK(any_has(errors_of(quick + std::string("claims = [\"equivalence\"]\n[statistics]\nfamily = []\n")),
                "statistics.family names no metric"));
  CHECK(any_has(
      errors_of(quick + std::string("claims = [\"equivalence\"]\nset = { scenario.execute = \"timing\" }\n")),
      "nothing is trained"));
  CHECK(any_has(errors_of(quick + std::string("subject = \"retrain\"\nreference = \"retrain\"\n")),
                "it cannot be compared with itself"));
}

TEST_CASE("a study of distances needs the models that an arm would not keep") {
  CHECK(any_has(errors_of(quick + std::string("distances = [\"retrain\"]\nset = { output.model = false }\n")),
                "study.distances: needs output.model"));
  CHECK(any_has(errors_of(quick + std::string("distances = [\"retrain\"]\n[[arm]]\nname = \"x\"\n"
                                              "set = { output.snapshots = false }\n")),
                "the arm \"x\" switches off"));
}
