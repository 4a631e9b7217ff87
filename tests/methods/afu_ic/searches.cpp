/// What a calibration looks for before its steps: patterns, directions of features, the worst perturbation.
#include <algorithm>
#include <string>
#include <vector>

#include "config/scenario.hpp"
#include "tests/methods/afu_ic/procedure.hpp"

using namespace afu;
using test::AfuIc;
using test::beginning;
using test::Names;

TEST_CASE("afu_ic: what was erased is searched for once, by the models around the first erasure") {
  const auto asked = [](AfuIc& s) {
    s.set("erasure", std::string("uce"));
    s.set("erasure_rounds", std::int64_t{2});
    auto& c = s.scenario.calibration;
    c.invariance = config::Invariance::difference;
    c.research->difference.steps = 10;
    c.research->difference.restarts = 2;
    c.research->difference.labels = 5;  // of four
    c.research->difference.batch_size = 4;
    s.view.classes = 4;
  };
  AfuIc s;
  asked(s);
  s.patterns = {0.5, 0.25};
  const auto before = s.view.model;
  CHECK(beginning(s.run(), 5) ==
        Names{"Erase", "MergeErasure", "Calibrate", "Calibrate", "MergeCalibration"});
  const calibrate::DifferenceJob* search = nullptr;
  std::vector<const calibrate::CalibrateJob*> calibrations;
  const auto steps = s.all<methods::Calibrate>();
  for (const auto& c : steps) {
    if (const auto* job = c.job.as<calibrate::DifferenceJob>()) {
      CHECK(search == nullptr);
      search = job;
      // Two looks at all nine, then eight searches that leave out a quarter, with a last look each.
      CHECK(c.passes == doctest::Approx(2 * 9 + 4 * 2 * (4 * 10 + 6.75)));
    }
    if (const auto* job = c.job.as<calibrate::CalibrateJob>()) calibrations.push_back(job);
  }
  REQUIRE(search);
  CHECK(search->before == before);
  CHECK(search->labels == 5);
  REQUIRE(calibrations.size() == 5);
  for (const auto* job : calibrations) {
    CHECK(job->objective.invariance == config::Invariance::difference);
    CHECK(job->objective.lambda == 1);
    CHECK(job->trigger == s.patterns);
    CHECK(job->before);  // beta is 1: its outputs are still to be kept
  }

  AfuIc without;  // beta: what the model before was needed for is over
  asked(without);
  without.scenario.calibration.beta = 0;
  without.patterns = {0.5};
  without.run();
  for (const auto& c : without.all<methods::Calibrate>())
    if (const auto* job = c.job.as<calibrate::CalibrateJob>()) CHECK(!job->before);
}

TEST_CASE(
    "afu_ic: where a search was in vain the next asks for less sparsity, from elsewhere, three in all") {
  for (const std::int64_t in_vain : {1, 9}) {
    AfuIc s;
    s.set("erasure", std::string("uce"));
    auto& c = s.scenario.calibration;
    c.invariance = config::Invariance::difference;
    c.research->difference.sparsity = 0.08;
    c.research->difference.restarts = 2;
    s.view.classes = 4;
    s.patterns = {0.5};
    s.in_vain = in_vain;
    s.run();
    std::vector<std::pair<std::int64_t, double>> searches;
    const std::vector<std::pair<std::int64_t, double>> all{{0, 0.08}, {2, 0.04}, {4, 0.02}};
    for (const auto& step : s.all<methods::Calibrate>()) {
      if (const auto* job = step.job.as<calibrate::DifferenceJob>())
        searches.emplace_back(job->first, job->sparsity);
      if (const auto* job = step.job.as<calibrate::CalibrateJob>())
        CHECK(job->trigger.empty() == (in_vain == 9));
    }
    CHECK(searches == std::vector(all.begin(), all.begin() + (in_vain == 1 ? 2 : 3)));
  }
}

TEST_CASE("afu_ic: of several candidates each is searched once, and one again") {
  AfuIc s;
  s.set("erasure", std::string("uce"));
  auto& c = s.scenario.calibration;
  c.invariance = config::Invariance::difference;
  c.research->difference.candidates = 9;  // of four
  c.research->difference.restarts = 2;
  c.research->difference.batch_size = 4;
  c.research->difference.steps = 10;
  s.view.classes = 4;
  s.patterns = {0.5};
  s.run();
  std::size_t searches = 0;
  for (const auto& step : s.all<methods::Calibrate>())
    if (const auto* job = step.job.as<calibrate::DifferenceJob>()) {
      ++searches;
      CHECK(job->candidates == 9);
      // Two looks at all nine, then five searches that leave out a quarter, with a last look each, and four looks more.
      CHECK(step.passes == 2 * 9 + 5 * (4 * 10 + 6.75) + 4 * 6.75);
    }
  CHECK(searches == 1);
}

TEST_CASE("afu_ic: where no pattern works, and in a placebo, the calibration is clean training") {
  for (const bool placebo : {false, true}) {
    AfuIc s;
    s.in_vain = 9;
    s.set("erasure", std::string("uce"));
    s.scenario.calibration.invariance = config::Invariance::difference;
    s.scenario.calibration.placebo = placebo;
    s.view.classes = 4;
    s.run();
    std::size_t searches = 0;
    for (const auto& c : s.all<methods::Calibrate>()) {
      searches += c.job.as<calibrate::DifferenceJob>() != nullptr;
      if (const auto* job = c.job.as<calibrate::CalibrateJob>()) {
        CHECK(job->objective.invariance == config::Invariance::none);
        CHECK(job->objective.lambda == 0);
      }
    }
    CHECK(searches == (placebo ? 0 : 3));
  }
}

TEST_CASE(
    "afu_ic: patterns are guarded anew after every update of the window, and what raises them is pruned once") {
  const auto asked = [](AfuIc& s) {
    s.set("erasure", std::string("uce"));
    s.set("erasure_rounds", std::int64_t{1});
    s.scenario.calibration.invariance = config::Invariance::difference;
    s.view.classes = 4;
    s.patterns = {0.5, 0.25};
  };
  AfuIc guarded;
  asked(guarded);
  guarded.scenario.calibration.research->difference.guard = true;
  const auto names = guarded.run();
  const auto at =
      static_cast<std::size_t>(std::find(names.begin(), names.end(), "Forgotten") - names.begin());
  CHECK(Names(names.begin() + static_cast<std::ptrdiff_t>(at),
              names.begin() + static_cast<std::ptrdiff_t>(at) + 9) ==
        Names{"Forgotten", "Calibrate", "GuardErasure", "AwaitUpdates", "Calibrate", "GuardErasure",
              "AwaitUpdates", "Calibrate", "MergeCalibration"});
  const auto guards = guarded.all<methods::GuardErasure>();
  CHECK(guards.size() == 6);  // the window has six updates
  std::int64_t turn = 0;
  for (const auto& c : guarded.all<methods::Calibrate>())
    if (const auto* job = c.job.as<calibrate::PatternGradientJob>()) {
      CHECK(job->turn == turn++);
      CHECK(job->patterns == guarded.patterns);
      CHECK(job->model == guarded.view.model);
      CHECK(c.passes == 9);
    }
  CHECK(turn == 6);
  for (const auto& g : guards) {
    REQUIRE(g.guard);
    CHECK(g.guard->basis == std::vector<model::ParametersPtr>{g.guard->erasure});
    CHECK(g.restore == 0);
  }
  CHECK(guarded.all<methods::Retune>().empty());

  AfuIc none;  // no pattern
  asked(none);
  none.scenario.calibration.research->difference.guard = true;
  none.patterns = {};
  none.run();
  CHECK(none.all<methods::GuardErasure>().empty());

  AfuIc pruned;
  asked(pruned);
  pruned.scenario.calibration.research->difference.prune = 0.1;
  const auto steps = pruned.run();
  CHECK(pruned.count(steps, "Retune") == 1);
  const auto mask = pruned.all<methods::Retune>().front().extras->mask;
  REQUIRE(mask);
  for (const auto& c : pruned.all<methods::Calibrate>())
    if (const auto* job = c.job.as<calibrate::CalibrateJob>()) CHECK(job->mask == mask);
}

TEST_CASE("afu_ic: directions of features are looked for once, by the models around the first erasure") {
  for (const bool found : {true, false}) {
    AfuIc s;
    s.set("erasure", std::string("uce"));
    s.set("erasure_rounds", std::int64_t{2});
    auto& c = s.scenario.calibration;
    c.invariance = config::Invariance::features;
    c.beta = 0;
    c.research->feature_rank = 3;
    s.view.classes = 4;
    if (found) s.patterns = {1, 1, 0.5};
    const auto before = s.view.model;
    s.run();
    std::size_t looks = 0;
    for (const auto& step : s.all<methods::Calibrate>()) {
      if (const auto* job = step.job.as<calibrate::FeatureDirectionsJob>()) {
        ++looks;
        CHECK(job->before == before);
        CHECK(job->rank == 3);
        CHECK(step.passes == 4 * 9);
      }
      if (const auto* job = step.job.as<calibrate::CalibrateJob>()) {
        CHECK(job->objective.invariance == (found ? config::Invariance::features : config::Invariance::none));
        CHECK(job->trigger == s.patterns);
        CHECK(!job->before);
      }
    }
    CHECK(looks == 1);
  }
}

TEST_CASE("afu_ic: what minimax adds is found in each calibration, at its cost; a placebo finds nothing") {
  for (const bool placebo : {false, true}) {
    AfuIc s;
    auto& c = s.scenario.calibration;
    c.invariance = config::Invariance::perturbation;
    c.perturbation = config::Perturbation::minimax;
    c.research->minimax_steps = 5;
    c.placebo = placebo;
    s.run();
    for (const auto& step : s.all<methods::Calibrate>())
      if (const auto* job = step.job.as<calibrate::CalibrateJob>()) {
        CHECK(job->objective.invariance ==
              (placebo ? config::Invariance::none : config::Invariance::perturbation));
        CHECK(job->objective.ascent_steps == 5);
        const auto steps = static_cast<double>(job->descent.steps);
        CHECK(step.passes == (placebo ? 9 * steps : 9 * (2 * steps + 5)));
      }
  }
}
