// Keys of before: what is read, what is told, what is refused.
#include "config/old_keys.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>

#include "config/declare.hpp"
#include "config/sections/calibration_research.hpp"
#include "support.hpp"

using namespace afu::config;
using namespace afu::config::test;
using Messages = std::vector<std::string>;

namespace {

const std::string stop = "[stop]\nupdates = 9\n";

Messages lines_of(const Scenario& s) {
  Messages lines;
  for (const auto& n : s.notes) lines.push_back(n.line());
  return lines;
}

/// A method whose sources disagree.
std::vector<PluginSection> disagreeing() {
  auto all = methods();
  all.push_back({"split",
                 "In two forms.",
                 {variant({"paper", "code"}, "Which."),
                  choice("form", {"a", "b"}, "Its form.").in_variant("code", "b").retire(),
                  flag("twice", false, "Whether twice.").in_variant("code", true).retire(),
                  number("scale", 1.0, from(0), "Its size.").in_variant("code", 5.0)}});
  return all;
}
Scenario split(const std::string& text, const std::vector<std::string>& set = {}) {
  return parse_scenario("[unlearning.split]\n" + text + stop, "s.toml", set, disagreeing());
}
const Values& of_split(const Scenario& s) { return s.unlearning.methods.at("split"); }

}  // namespace

TEST_CASE("a key by its old name is read, and told with its place and its new name") {
  const auto s = parsed("[calibration]\nsteps = 7\nkd = 0.25\n" + stop);
  CHECK(s.calibration.research->kd == 0.25);
  CHECK(s.calibration.steps == 7);
  CHECK(lines_of(s) ==
        Messages{"s.toml:3:1: calibration.kd is calibration.research.kd now; the old name goes with "
                 "the next version"});
  CHECK(lines_of(parsed("[calibration.research]\nkd = 0.25\n" + stop)).empty());
}

TEST_CASE("an override by the old name, a table of them, an inline table") {
  auto s = parsed(stop, {"calibration.kd=0.5"});
  CHECK(s.calibration.research->kd == 0.5);
  CHECK(lines_of(s) ==
        Messages{
            "--set: calibration.kd is calibration.research.kd now; the old name goes with the next version"});
  s = parsed("[calibration.research]\nstages = 3\n" + stop, {"calibration={kd=0.5, steps=4}"});
  CHECK(s.calibration.research->kd == 0.5);
  CHECK(s.calibration.research->stages == 3);
  CHECK(s.calibration.steps == 4);
  s = parsed("calibration = { kd = 0.5, guard_rank = 1 }\n" + stop);
  CHECK(s.calibration.research->kd == 0.5);
  CHECK(s.calibration.research->guard_rank == 1);
  CHECK(s.notes.size() == 2);
}

TEST_CASE("an override of a key that a file has by its old name wins, and it is told once") {
  const auto s = parsed("[calibration]\nkd = 0.25\n" + stop, {"calibration.kd=0.5", "calibration.kd=0.75"});
  CHECK(s.calibration.research->kd == 0.75);
  CHECK(s.notes.size() == 1);
}

TEST_CASE("a key by both names is refused, with both places") {
  CHECK(
      errors_of("[calibration]\nkd = 0.25\n[calibration.research]\nkd = 0.5\n" + stop) ==
      Messages{"s.toml:2:1: calibration.kd: is calibration.research.kd now, which is given too (s.toml:4:6); "
               "allowed is that one alone"});
  CHECK(errors_of("[calibration.research]\nkd = 0.5\n" + stop, {"calibration.kd=1"}) ==
        Messages{"--set calibration.kd: is calibration.research.kd now, which is given too (s.toml:2:6); "
                 "allowed is that one alone"});
}

TEST_CASE("what is wrong with the value is told where it stands") {
  CHECK(errors_of("[calibration]\nkd = -1.0\n" + stop) ==
        Messages{"s.toml:2:6: calibration.research.kd: -1.0 is outside [0, inf)"});
  CHECK(errors_of("[calibration]\nkd = 1.0\nresearch = 3\n" + stop).size() == 2);
  CHECK(errors_of("[calibration]\nkdd = 1.0\n" + stop).size() == 1);
}

TEST_CASE("a resolved scenario of before reads back as the same") {
  auto s = parsed("[calibration]\nkd = 0.25\nstages = 3\n" + stop);
  const auto text = to_toml(s, methods());
  // As the version before wrote it: one section.
  const auto research = text.find("\n[calibration.research]\n");
  const auto calibration = text.find("\n[calibration]\n");
  REQUIRE(research != std::string::npos);
  REQUIRE(calibration < research);
  // Without the keys that came after it.
  std::string keys;
  std::istringstream lines(text.substr(research + 24));
  for (std::string line; std::getline(lines, line);) {
    const auto is = [&](const char* key) { return line.rfind(key, 0) == 0; };
    if (!is("minimax_") && !is("sharpness") && !is("feature_rank")) keys += line + "\n";
  }
  auto before = text.substr(0, research);
  before.insert(calibration + 15, keys);
  const auto read = parsed(before);
  CHECK(to_toml(read, methods()) == text);
  CHECK(read.notes.size() == static_cast<std::size_t>(std::count(keys.begin(), keys.end(), '\n')));
}

TEST_CASE("options follow the variant where they are not given") {
  CHECK(of_split(split("")).text("form") == "a");
  const auto code = split("variant = \"code\"\n");
  CHECK(code.notes.empty());
  CHECK(of_split(code).text("form") == "b");
  CHECK(of_split(code).flag("twice"));
  CHECK(of_split(code).real("scale") == 5);
  CHECK(of_split(split("variant = \"code\"\nscale = 2\n")).real("scale") == 2);
  CHECK(of_split(split("", {"unlearning.split.variant=code"})).real("scale") == 5);
}

TEST_CASE("a retired switch overrides the variant, and is told") {
  const auto s = split("variant = \"code\"\nform = \"a\"\n");
  CHECK(of_split(s).text("form") == "a");
  CHECK(of_split(s).flag("twice"));
  CHECK(lines_of(s) == Messages{"s.toml:3:8: unlearning.split.form goes with the next version; until then it "
                                "overrides unlearning.split.variant, which takes its place"});
}

TEST_CASE("a resolved scenario has a retired switch only where it says another thing than the variant") {
  const auto text = [](const Scenario& s) { return to_toml(s, disagreeing()); };
  const auto own = [&](const Scenario& s) {
    const auto all = text(s);
    const auto begin = all.find("\n[unlearning.split]\n");
    return all.substr(begin, all.find("\n[", begin + 1) - begin);
  };
  const auto code = split("variant = \"code\"\n");
  CHECK(own(code).find("\nform = ") == std::string::npos);
  CHECK(text(code).find("scale = 5.0") != std::string::npos);
  CHECK(text(split("form = \"b\"\ntwice = true\nvariant = \"code\"\n")) == text(code));
  const auto mixed = split("form = \"b\"\n");
  CHECK(own(mixed).find("\nform = \"b\"") != std::string::npos);
  CHECK(text(mixed).find("\ntwice = ") == std::string::npos);
  for (const auto& s : {code, mixed})
    CHECK(text(parse_scenario(text(s), "s.toml", {}, disagreeing())) == text(s));
}

TEST_CASE("the reference tells what follows from a variant, and lists no retired switch") {
  const auto text = reference_toml(disagreeing());
  CHECK(text.find("; with variant = \"code\" 5.0; default 1.0\nscale = 1.0\n") != std::string::npos);
  CHECK(text.find("\ntwice = ") == std::string::npos);
  const auto unknown = [](const std::string& key) {
    try {
      split(key + " = 1\n");
    } catch (const ConfigError& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  CHECK(unknown("zzzzzzzz").find("allowed are variant, scale") != std::string::npos);
}
