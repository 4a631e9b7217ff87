#pragma once
/// What the tests of unlearning procedures share: views to be asked with, and the names of steps.
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "config/scenario.hpp"
#include "methods/registry.hpp"
#include "model/parameters.hpp"

// After torch: its logging headers define a CHECK of their own, which doctest's must replace.
#include <doctest/doctest.h>

namespace afu::test {

inline const char* step_name(const methods::Step& s) {
  constexpr const char* names[] = {
      "Halt",    "Resume",          "Collect",          "Erase",        "MergeErasure", "Replace",
      "Retune",  "Calibrate",       "MergeCalibration", "GuardErasure", "GateUpdates",  "AwaitUpdates",
      "Restart", "RollBackCluster", "AwaitCluster",     "Forgotten",    "Done"};
  static_assert(std::variant_size_v<methods::Step> == std::size(names));
  return names[s.index()];
}

inline data::IndicesPtr some_rows(data::Indices rows) {
  return std::make_shared<const data::Indices>(std::move(rows));
}

inline model::ParametersPtr some_model() { return std::make_shared<const model::ParameterVector>(); }

/// A scenario with a method's defaults, and a view of it.
struct Asked {
  config::Scenario scenario;
  methods::View view;

  explicit Asked(const std::string& method) {
    auto& values = scenario.unlearning.methods[method];
    values = config::Values(methods::find_method(method).options);
    scenario.unlearning.method = method;
    view.scenario = &scenario;
    view.settings = &values;
    view.clients = 3;
    view.model = some_model();
    view.participants = [] { return std::vector<methods::Participant>{}; };
  }
  Asked(const Asked&) = delete;
  Asked& operator=(const Asked&) = delete;

  void set(const std::string& option, config::Value v) {
    scenario.unlearning.methods.at(scenario.unlearning.method).set(option, std::move(v));
  }

  /// What the method's check complains about, by key.
  std::map<std::string, std::string> complaints() const {
    std::map<std::string, std::string> all;
    methods::find_method(scenario.unlearning.method)
        .check(scenario, [&](const std::string& key, const std::string& text) { all[key] = text; });
    return all;
  }
};

/// Coefficient of `v` in the combination.
inline double of(const engine::Combination& c, const model::ParametersPtr& v) {
  double sum = c.start == v ? c.keep : 0;
  for (const auto& t : c.terms) sum += t.vector == v ? t.coefficient : 0;
  return sum;
}

/// A target that has merged three differences, a quarter of all weight.
struct Erased : Asked {
  aggregate::Tracked target;
  explicit Erased(const std::string& method) : Asked(method) {
    view.initial = test::some_model();
    target.contributions = 3;
    target.influence = test::some_model();
    target.weight = 0.5;
    target.all_weights = 2;
    view.target = &target;
    view.owners = {&target};
  }
};

}  // namespace afu::test
