#pragma once
/// Stand-ins for the registry of unlearning methods, which lives in another library.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "config/loader.hpp"
#include "config/scenario.hpp"
#include "config/writer.hpp"

namespace doctest {
/// Failed comparisons show the messages.
template <>
struct StringMaker<std::vector<std::string>> {
  static String convert(const std::vector<std::string>& lines) {
    std::string out;
    for (const auto& l : lines) out += "\n    " + l;
    return out.c_str();
  }
};
}  // namespace doctest

namespace afu::config::test {

inline Option option(std::string name, Value fallback, double min, double max,
                     std::vector<std::string> choices = {}) {
  Option o;
  o.name = std::move(name);
  o.fallback = std::move(fallback);
  o.help = "What it does.";
  o.min = min;
  o.max = max;
  o.choices = std::move(choices);
  return o;
}

/// The names of the real methods; options of every type.
inline std::vector<PluginSection> methods() {
  return {{"afu_ic", "Ours.", {option("gain", 1.0, 0, 2)}},
          {"fedquit",
           "Theirs.",
           {option("epochs", std::int64_t{1}, 1, 100),
            option("optimiser", std::string{"adam"}, 0, 0, {"adam", "sgd"}), option("freeze", false, 0, 0)}},
          {"gradient_ascent",
           "Simple.",
           {},
           {"concurrent"},
           {"client", "class"},
           [](const Scenario& s, const Complain& complain) {
             if (s.stop.updates == 200) complain("stop.updates", "200 is too many for it");
           }},
          {"none", "Leaves.", {}},
          {"pga", "Theirs, too.", {}},
          {"retrain", "From scratch.", {}}};
}

/// The messages of a scenario that must not load; empty when it does.
inline std::vector<std::string> errors_of(const std::string& text,
                                          const std::vector<std::string>& overrides = {}) {
  try {
    parse_scenario(text, "s.toml", overrides, methods());
  } catch (const ConfigError& e) {
    return e.messages();
  }
  return {};
}

inline Scenario parsed(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return parse_scenario(text, "s.toml", overrides, methods());
}

}  // namespace afu::config::test
