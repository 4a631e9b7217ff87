#pragma once
/// afu_ic's procedure, step by step, with results that a test gives.
#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include "config/sections/calibration_research.hpp"
#include "tests/methods/support.hpp"

namespace afu::test {

using Names = std::vector<std::string>;

/// One target of two contributions; the window has six updates and a calibration every two.
struct AfuIc : Asked {
  aggregate::Tracked target;
  methods::Request request;
  std::vector<methods::Step> taken;
  std::vector<double> patterns{};   ///< that the search finds
  std::int64_t in_vain = 0;         ///< so many searches before it find nothing
  std::vector<double> penalties{};  ///< of the calibrations, in their order, reference 1; then 2

  AfuIc() : Asked("afu_ic") {
    set("publish", std::string("at_once"));
    target.contributions = 2;
    target.influence = some_model();
    view.target = &target;
    view.owners = {&target};
    view.environments = {some_rows({0, 1, 2, 3, 4, 5}), some_rows({6, 7, 8})};
    auto& c = scenario.calibration;
    c.window_updates = 6;
    c.window_every = 2;
    c.research->difference.candidates = 1;
    request.client = 2;
    request.forget = some_rows({30, 50, 80});
    request.non_members = some_rows({90, 91});
    request.forget_count = 3;
  }

  /// All steps; every job returns one vector.
  Names run() {
    const auto procedure = methods::find_method("afu_ic").start(request);
    Names names;
    std::size_t calibrations = 0;
    job::JobResult job;
    const job::JobResult* result = nullptr;
    while (names.empty() || names.back() != "Done") {
      REQUIRE(names.size() < 60);
      auto step = procedure->next(view, result);
      names.emplace_back(step_name(step));
      job = {};
      job.outputs = {some_model(), some_model()};
      result = nullptr;
      if (std::holds_alternative<methods::Erase>(step)) result = &job;
      if (auto* c = std::get_if<methods::Calibrate>(&step); c && c->job.as<calibrate::CalibrateJob>()) {
        if (!penalties.empty()) {
          job.figures["penalty_reference"] = 1;
          job.figures["penalty_before"] = calibrations < penalties.size() ? penalties[calibrations] : 2;
          ++calibrations;
        }
        result = &job;
      }
      if (auto* c = std::get_if<methods::Calibrate>(&step); c && c->job.as<calibrate::DifferenceJob>()) {
        job.figures = {{"searched", 1}, {"found", in_vain > 0 ? 0 : 1}};
        if (--in_vain < 0) job.numbers = patterns;
        result = &job;
      }
      if (auto* c = std::get_if<methods::Calibrate>(&step);
          c && (c->job.as<calibrate::FeatureDirectionsJob>() || c->job.as<calibrate::PatternGradientJob>())) {
        job.outputs.resize(c->job.as<calibrate::PatternGradientJob>() ? 1 : 0);
        job.numbers = patterns;
        result = &job;
      }
      if (auto* w = std::get_if<methods::AwaitUpdates>(&step)) view.updates += w->count;
      taken.push_back(std::move(step));
    }
    return names;
  }
  std::size_t count(const Names& names, const std::string& name) const {
    return static_cast<std::size_t>(std::count(names.begin(), names.end(), name));
  }
  template <class Kind>
  std::vector<Kind> all() const {
    std::vector<Kind> found;
    for (const auto& s : taken)
      if (auto* k = std::get_if<Kind>(&s)) found.push_back(*k);
    return found;
  }
};

inline const Names until_calibrated{"Erase", "MergeErasure", "Calibrate", "MergeCalibration"};

inline Names beginning(const Names& names, std::size_t n) {
  return {names.begin(), names.begin() + static_cast<std::ptrdiff_t>(std::min(n, names.size()))};
}

}  // namespace afu::test
