// Keys of before, of the real schema and the real methods.
#include "config/old_keys.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "config/loader.hpp"
#include "config/scenario.hpp"
#include "config/schema.hpp"
#include "config/text.hpp"
#include "config/writer.hpp"
#include "methods/registry.hpp"

#include <doctest/doctest.h>

using namespace afu;
using config::Option;
using config::Value;

namespace {

std::map<std::string, Option> options() {
  config::Scenario s;
  std::map<std::string, Option> all;
  for (const auto& section : config::sections(s, methods::method_sections()))
    for (const auto& f : section.fields) all.emplace(section.path + "." + f.option.name, f.option);
  return all;
}

/// A value of the option that is not its default.
Value another(const Option& o) {
  if (auto* b = std::get_if<bool>(&o.fallback)) return !*b;
  if (auto* i = std::get_if<std::int64_t>(&o.fallback)) return *i + 1;
  if (auto* d = std::get_if<double>(&o.fallback)) return *d / 2 + 0.25;
  return o.choices.back();
}

config::Scenario with(std::vector<std::string> set) {
  set.insert(set.end(), {"stop.updates=9"});
  return config::parse_scenario("", "s.toml", set, methods::method_sections());
}

/// What a research key needs beside it in order to do something.
std::vector<std::string> company(const std::string& key) {
  if (key == "irm_estimator") return {"calibration.invariance=irm"};
  std::vector<std::string> set{"calibration.invariance=perturbation", "calibration.perturbation=adversarial"};
  const std::pair<const char*, const char*> of[] = {{"fisher_", "fisher=0.5"},
                                                    {"until_loss_", "until_loss=true"},
                                                    {"sunset_factor", "sunset_jobs=3"},
                                                    {"gate_", "gate=true"},
                                                    {"guard_restore", "guard_rank=2"}};
  for (const auto& [prefix, other] : of)
    if (key.rfind(prefix, 0) == 0) set.push_back(std::string("calibration.research.") + other);
  return set;
}

}  // namespace

TEST_CASE("every renamed key carries its value to a key that there is, and is told") {
  const auto known = options();
  std::set<std::string> before, now;
  for (const auto& key : config::renamed_keys()) {
    INFO(key.before);
    CHECK(before.insert(key.before).second);
    CHECK(now.insert(key.now).second);
    CHECK(known.count(key.before) == 0);
    REQUIRE(known.count(key.now) == 1);
    const auto& option = known.at(key.now);
    const auto value = another(option);
    REQUIRE(value != option.fallback);
    const std::string name = key.now;
    auto set = company(name.substr(name.rfind('.') + 1));
    auto renamed = set;
    set.push_back(key.before + ("=" + config::value_text(value)));
    renamed.push_back(key.now + ("=" + config::value_text(value)));
    const auto old_way = with(set), new_way = with(renamed);
    CHECK(config::key_values(old_way, methods::method_sections()) ==
          config::key_values(new_way, methods::method_sections()));
    const auto values = config::key_values(old_way, methods::method_sections());
    CHECK(std::count(values.begin(), values.end(), std::pair{name, config::value_text(value)}) == 1);
    CHECK(new_way.notes.empty());
    REQUIRE(old_way.notes.size() == 1);
    CHECK(old_way.notes[0].line() == std::string("--set: ") + key.before + " is " + key.now +
                                         " now; the old name goes with the next version");
  }
  CHECK(before.size() >= 26);
}

TEST_CASE("every retired switch follows its section's variant, which has it among its forms") {
  int switches = 0;
  for (const auto& m : methods::methods()) {
    INFO(m.name);
    const auto variant =
        std::find_if(m.options.begin(), m.options.end(), [](const Option& o) { return o.name == "variant"; });
    for (const auto& o : m.options) {
      INFO(o.name);
      switches += o.retired;
      if (o.retired) CHECK_FALSE(o.by_variant.empty());
      if (o.by_variant.empty()) continue;
      REQUIRE(variant != m.options.end());
      for (const auto& [form, value] : o.by_variant) {
        CHECK(std::count(variant->choices.begin(), variant->choices.end(), form) == 1);
        CHECK(form != variant->choices.front());  // whose values are the fallbacks
        CHECK(value.index() == o.fallback.index());
        CHECK(value != o.fallback);
        if (auto* text = std::get_if<std::string>(&value))
          CHECK(std::count(o.choices.begin(), o.choices.end(), *text) == 1);
      }
    }
  }
  CHECK(switches == 8);
}
