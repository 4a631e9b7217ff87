// Resolved scenarios, the reference, and the scenarios that come with the program.
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "config/common_keys.hpp"
#include "config/scenario.hpp"
#include "config/schema.hpp"
#include "config/sections/calibration_research.hpp"
#include "support.hpp"

using namespace afu::config;
using namespace afu::config::test;
namespace fs = std::filesystem;

namespace {

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A value of the option that is not its default.
Value another(const Option& o) {
  if (auto* b = std::get_if<bool>(&o.fallback)) return !*b;
  if (auto* i = std::get_if<std::int64_t>(&o.fallback))
    return static_cast<double>(*i + 1) <= o.max ? *i + 1 : *i - 1;
  if (auto* d = std::get_if<double>(&o.fallback); d && *d == 0 && o.min < 0) return 0.125;
  if (auto* d = std::get_if<double>(&o.fallback))
    return *d / 3 > o.min ? *d / 3 : o.min + (std::min(o.max, 1.0) - o.min) / 7;
  if (o.choices.empty()) return std::string{"a \"b\"\t\\c\u00e9"};
  return o.choices.back() == std::get<std::string>(o.fallback) ? o.choices.front() : o.choices.back();
}

}  // namespace

TEST_CASE("a resolved scenario reads back as the same: every option set to something else") {
  Scenario s;
  for (const auto& section : sections(s, methods())) {
    for (const auto& f : section.fields) {
      if (is_single(f)) set(f, another(f.option));
      if (auto* d = std::get_if<Distribution*>(&f.slot))
        **d = {"pareto", {{"scale", 0.1}, {"shape", 1.25}, {"cap", 9}}, ""};
    }
  }
  // What the checks want, still no default.
  s.scenario.name = "other";
  s.scenario.clock = Clock::simulated;
  s.data.channels = 3;
  s.data.depth = 1;  // images, which every trigger and step are for
  s.data.columns = {"file", "class", "patient", "hospital", "part", "importance"};
  s.data.backdoor.client = 4;
  s.training.rule = Rule::fedavg;
  s.training.mixing_halved_at = 0;     // of fedasync
  s.training.staleness_average = 0.0;  // of fedbuff
  s.training.shards = 1;               // which alone goes with local_steps and balanced
  s.training.schedule_length = 9;      // more than the warm-up
  s.model.init.clear();                // in whose place init_seed draws
  s.calibration.invariance = Invariance::perturbation;
  s.calibration.perturbation = Perturbation::adversarial;
  s.calibration.research->minimax_steps = CalibrationResearch{}.minimax_steps;  // of another family
  s.calibration.research->minimax_radius = CalibrationResearch{}.minimax_radius;
  s.calibration.research->feature_rank = CalibrationResearch{}.feature_rank;  // of another invariance
  s.calibration.research->difference = {};                                    // likewise
  s.calibration.research->irm_estimator = IrmEstimator::square;  // the other one is for another invariance
  s.compute.devices = {"cuda:0", "cuda:1"};
  s.compute.precision = Precision::tf32;  // which goes with every step and with batched clients
  s.model.name = Architecture::lenet;     // likewise
  s.heterogeneity.network.jitter = {"trace", {}, "a b.csv"};
  s.heterogeneity.network.latency_seconds = {"constant", {{"value", 1e-7}}, ""};
  s.heterogeneity.compute.overrides = {{3, 0.1}, {1, 1e6}};
  s.heterogeneity.network.overrides = {{2, 0.0, -1, 3.5}};
  s.compute.batched_clients = 1;  // which alone goes with training.augment
  s.output.audit = false;         // which goes with execute = "train" and events alone
  s.stop = {500, 60, 1e-3 + 1e6};
  s.erasures = {{1, 40, -1, -1, Scope::client, 0.5},
                {2, -1, 7, -1, Scope::samples, 0.1},
                {3, -1, -1, 0.1 + 0.2, Scope::client, 1.0},
                {4, 9, -1, -1, Scope::subject, 0.5, -1, {"p1", "a \"b\""}},
                {-1, 9, -1, -1, Scope::samples, 0.5, -1, {}, "ids.csv"}};

  auto text = to_toml(s, methods());
  auto back = parsed(text);
  CHECK(to_toml(back, methods()) == text);

  // Option by option, not only as text.
  auto a = sections(s, methods()), b = sections(back, methods());
  REQUIRE(a.size() == b.size());
  Scenario fresh;
  auto defaults = sections(fresh, methods());
  int compared = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < a[i].fields.size(); ++j) {
      const auto &x = a[i].fields[j], &y = b[i].fields[j];
      INFO(a[i].path, ".", x.option.name);
      if (is_single(x)) {
        CHECK(get(x) == get(y));
        const std::set<std::string> elsewhere{
            "clock",           "irm_estimator", "mixing_halved_at", "staleness_average", "audit",
            "batched_clients", "minimax_steps", "minimax_radius",   "feature_rank",      "init",
            "shards",          "depth"};
        if (elsewhere.count(x.option.name) == 0 && a[i].path != "calibration.difference")
          CHECK(get(y) != get(defaults[i].fields[j]));
        ++compared;
      } else if (auto* d = std::get_if<Distribution*>(&x.slot)) {
        const auto& e = *std::get<Distribution*>(y.slot);
        CHECK((*d)->kind == e.kind);
        CHECK((*d)->parameters == e.parameters);
        CHECK((*d)->path == e.path);
      }
    }
  }
  CHECK(compared > 80);
  CHECK(back.compute.devices == s.compute.devices);
  REQUIRE(back.erasures.size() == 5);
  CHECK(back.erasures[3].subjects == s.erasures[3].subjects);
  CHECK(back.erasures[4].file == "ids.csv");
  CHECK(back.erasures[4].client == -1);
  CHECK(back.erasures[0].at_update == 40);
  CHECK(back.erasures[0].at_seconds == -1);
  CHECK(back.erasures[1].at_round == 7);
  CHECK(back.erasures[1].scope == Scope::samples);
  CHECK(back.erasures[1].fraction == 0.1);
  CHECK(back.erasures[2].at_seconds == 0.1 + 0.2);
  REQUIRE(back.heterogeneity.compute.overrides.size() == 2);
  CHECK(back.heterogeneity.compute.overrides[1].slowdown == 1e6);
  REQUIRE(back.heterogeneity.network.overrides.size() == 1);
  CHECK(back.heterogeneity.network.overrides[0].latency_seconds == 0);
  CHECK(back.heterogeneity.network.overrides[0].uplink_mbit == -1);
  CHECK(back.heterogeneity.network.overrides[0].downlink_mbit == 3.5);
}

TEST_CASE("a list of numbers reads back as the same") {
  auto s = parsed("[training]\nschedule = \"step\"\nschedule_milestones = [50, 75]\n[stop]\nupdates = 9\n");
  CHECK(s.training.schedule_milestones == std::vector<std::int64_t>{50, 75});
  const auto text = to_toml(s, methods());
  CHECK(text.find("\nschedule_milestones = [50, 75]\n") != std::string::npos);
  CHECK(parsed(text).training.schedule_milestones == s.training.schedule_milestones);
  CHECK(parsed("[stop]\nupdates = 9\n", {"training.schedule=step", "training.schedule_milestones=[3]"})
            .training.schedule_milestones == std::vector<std::int64_t>{3});
}

TEST_CASE("the reference loads, as the defaults") {
  auto text = reference_toml(methods());
  auto s = parsed(text);
  Scenario defaults;
  defaults.stop.updates = s.stop.updates;  // a run must end
  CHECK(to_toml(s, methods()) == to_toml(defaults, methods()));
  for (const auto& section : sections(defaults, methods())) {
    if (!section.path.empty()) CHECK(text.find("\n[" + section.path + "]\n") != std::string::npos);
    if (!section.path.empty()) CHECK_FALSE(section.help.empty());
    for (const auto& f : section.fields) {
      INFO(section.path, ".", f.option.name);
      CHECK_FALSE(f.option.help.empty());
    }
  }
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 116);
}

TEST_CASE("the reference begins with the ten keys that people touch, and they exist") {
  Scenario s;
  s.erasures = {{1, 40, -1, -1, Scope::client, 0.5}};
  std::set<std::string> known;
  for (const auto& [key, value] : key_values(s, methods())) known.insert(key);
  REQUIRE(common_keys().size() == 10);
  std::istringstream lines(reference_toml(methods()));
  std::string line;
  std::getline(lines, line);
  CHECK(line == "# The ten keys that people touch, with their defaults:");
  const auto defaults = key_values({}, methods());
  for (const auto& k : common_keys()) {
    INFO(k.key);
    CHECK(known.count(k.key) == 1);
    std::getline(lines, line);
    CHECK(line.rfind(std::string("#   ") + k.key, 0) == 0);
    for (const auto& [key, value] : defaults)
      if (key == k.key) CHECK(line.find(" = " + value + "  ") != std::string::npos);
    CHECK(line.find(k.help) != std::string::npos);
  }
}

TEST_CASE("the calibration's research arms stand last") {
  Scenario s;
  const auto all = sections(s, methods());
  CHECK(all.back().path == "calibration.research");
  CHECK(all.back().fields.size() == 29);
  const auto text = reference_toml(methods());
  CHECK(text.rfind("\n[") == text.find("\n[calibration.research]\n"));
}

TEST_CASE("every default that the reference's text tells is the value that stands below it") {
  std::istringstream lines(reference_toml(methods()));
  std::string text;
  int compared = 0, examples = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("# ", 0) == 0) {
      text += (text.empty() ? "" : " ") + line.substr(2);
      continue;
    }
    const auto told = text.rfind("; default ");
    const auto equals = line.find(" = ");
    if (told != std::string::npos && equals != std::string::npos) {
      INFO(line);
      auto value = text.substr(told + 10);
      const std::string example = "; here an example";
      const auto ends = value.rfind(example);
      if (ends == std::string::npos) {
        CHECK(value == line.substr(equals + 3));
        ++compared;
      } else {
        CHECK(value.substr(0, ends) != line.substr(equals + 3));
        ++examples;
      }
    }
    text.clear();
  }
  CHECK(compared > 100);
  CHECK(examples == 1);  // stop.updates: a run must end
}

TEST_CASE("a path that is no UTF-8 is refused: the resolved scenario could not be read again") {
  const auto folder = fs::temp_directory_path() / ("afu-caf\xe9-" + std::to_string(::getpid()));
  fs::create_directories(folder);
  std::ofstream(folder / "d.npz") << "x";
  auto s = parsed("[data]\nsource = \"npz\"\npath = \"d.npz\"\n[stop]\nupdates = 1\n");
  s.file = (folder / "s.toml").string();
  CHECK_THROWS_WITH_AS(with_absolute_paths(s), doctest::Contains("caf\\xe9"), afu::InputError);
  fs::remove(folder / "d.npz");
  fs::remove(folder);
}

TEST_CASE("the secret of nodes is found beside the scenario, and is no input of the run") {
  const auto folder = fs::temp_directory_path() / "afu-writer-token";
  fs::create_directories(folder);
  std::ofstream(folder / "token") << "sixteen bytes or more";
  auto s = parsed("[compute]\nnodes = [\"127.0.0.1:4711\"]\ntoken_file = \"token\"\n[stop]\nupdates = 1\n");
  s.file = (folder / "s.toml").string();
  const auto absolute = with_absolute_paths(s);
  CHECK(absolute.compute.token_file == (folder / "token").string());
  CHECK(used_paths(absolute).empty());
  fs::remove_all(folder);
  CHECK_THROWS_WITH_AS(with_absolute_paths(s), doctest::Contains("compute.token_file: token: no such file"),
                       afu::InputError);
  s.compute.nodes.clear();  // nobody asks for it then
  CHECK(with_absolute_paths(s).compute.token_file == "token");
}

TEST_CASE("what the reference has commented out loads as well") {
  std::istringstream lines(reference_toml(methods()));
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    bool commented = line.size() > 1 && line[0] == '#' && line[1] != ' ';
    bool another_time = line.rfind("#at_round", 0) == 0 || line.rfind("#at_seconds", 0) == 0;
    bool another_scope = false;
    for (const auto* key : {"#class =", "#file =", "#subject ="})
      another_scope = another_scope || line.rfind(key, 0) == 0;
    text += (commented && !another_time && !another_scope ? line.substr(1) : line) + "\n";
  }
  auto s = parsed(text);
  REQUIRE(s.erasures.size() == 1);
  CHECK(s.erasures[0].at_update == 120);
  CHECK(s.heterogeneity.compute.overrides.size() == 1);
  REQUIRE(s.heterogeneity.network.overrides.size() == 1);
  CHECK(s.heterogeneity.network.overrides[0].uplink_mbit == 2.0);
}

TEST_CASE("configs/reference.toml is in step, but for the methods' own sections") {
  auto file = fs::path{AFU_SOURCE_DIR} / "configs/reference.toml";
  REQUIRE(fs::exists(file));
  // Sections of the methods, and the list of their names, are another library's.
  auto core = [](const std::string& text) {
    std::string out, paragraph;
    std::istringstream lines(text);
    bool of_method = false;
    auto flush = [&] {
      if (paragraph.find("\n[") != std::string::npos || paragraph.rfind('[', 0) == 0)
        of_method = paragraph.find("[unlearning.") != std::string::npos;
      bool method_key = paragraph.find("\nmethod = ") != std::string::npos;
      if (!of_method && !method_key) out += paragraph + "\n";
      paragraph.clear();
    };
    for (std::string line; std::getline(lines, line);) {
      if (line.empty()) {
        flush();
      } else {
        paragraph += line + "\n";
      }
    }
    flush();
    return out;
  };
  CHECK(core(text_of(file)) == core(reference_toml(methods())));
}

TEST_CASE("the scenarios that come with the program load") {
  int loaded = 0;
  auto known = methods();
  // Of afu_ic.
  known.front().options.push_back(option("match_steps", std::int64_t{0}, 0, 1000));
  known.front().options.push_back(
      option("erasure", std::string{"ledger"}, 0, 0, {"ledger", "fedquit", "pga", "uce"}));
  known.front().options.push_back(option("erasure_rounds", std::int64_t{3}, 1, 100));
  known.push_back({"knot",
                   "In clusters.",
                   {option("clusters", std::int64_t{2}, 1, 1000),
                    option("assignment", std::string{"matched"}, 0, 0, {"matched", "random"}),
                    option("time_weight", 1.0, 0, 1e9), option("disparity_weight", 1.0, 0, 1e9)}});
  known.push_back({"afu_ic_paper", "The paper's.", {}});
  for (auto& m : known)
    if (m.name == "pga")
      m.options = {option("variant", std::string{"default"}, 0, 0, {"default", "successor"}),
                   option("epochs", std::int64_t{5}, 1, 1000), option("lr", 2e-3, 0, 10),
                   option("clip_norm", 1.0, 0, 1e9)};
  for (const auto& entry : fs::recursive_directory_iterator(fs::path{AFU_SOURCE_DIR} / "configs")) {
    const auto& path = entry.path();
    if (path.extension() != ".toml" || path.filename() == "reference.toml") continue;
    if (path.parent_path().filename() == "studies") continue;  // no scenarios: test_cli plans them
    INFO(path.string());
    Scenario s;
    CHECK_NOTHROW(s = load_scenario(path.string(), {}, known));
    if (path.filename() != "base.toml") CHECK(s.scenario.name == path.stem().string());
    CHECK_NOTHROW(parse_scenario(to_toml(s, known), "s.toml", {}, known));
    // One idea a file, explained at its top.
    CHECK(text_of(path).rfind("# ", 0) == 0);
    if (s.heterogeneity.compute.slowdown.kind == "trace")
      CHECK_NOTHROW(resolve_data_path(s.heterogeneity.compute.slowdown.path, s.file));
    ++loaded;
  }
  CHECK(loaded >= 15);
}
