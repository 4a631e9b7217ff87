#include <algorithm>
#include <functional>

#include "config/scenario.hpp"
#include "config/sections/calibration_research.hpp"
#include "methods/afu_ic/match_job.hpp"
#include "tests/methods/support.hpp"

using namespace afu;
using methods::Coordination;
using test::Asked;
using test::step_name;

namespace {

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
    target.influence = test::some_model();
    view.target = &target;
    view.owners = {&target};
    view.environments = {test::some_rows({0, 1, 2, 3, 4, 5}), test::some_rows({6, 7, 8})};
    auto& c = scenario.calibration;
    c.window_updates = 6;
    c.window_every = 2;
    c.research->difference.candidates = 1;
    request.client = 2;
    request.forget = test::some_rows({30, 50, 80});
    request.non_members = test::some_rows({90, 91});
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
      job.outputs = {test::some_model(), test::some_model()};
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

const Names until_calibrated{"Erase", "MergeErasure", "Calibrate", "MergeCalibration"};

Names beginning(const Names& names, std::size_t n) {
  return {names.begin(), names.begin() + static_cast<std::ptrdiff_t>(std::min(n, names.size()))};
}

}  // namespace

TEST_CASE("afu_ic: held-out matching comes after the calibration, and is merged undiscounted") {
  AfuIc plain;
  const auto without = plain.run();
  CHECK(beginning(without, 4) == until_calibrated);
  CHECK(without.at(4) == "Forgotten");

  AfuIc matching;
  matching.set("match_steps", std::int64_t{5});
  auto names = matching.run();
  const auto erase = matching.all<methods::Erase>().at(1);
  const auto& job = *erase.job.as<methods::MatchJob>();
  CHECK(job.forget == matching.request.forget);
  CHECK(job.held_out == matching.request.non_members);
  CHECK(erase.at_target);
  CHECK(erase.passes == 5 * 3 + 2);
  const auto merge = matching.all<methods::MergeErasure>().at(1);
  CHECK(merge.delta);
  CHECK_FALSE(merge.influence_gain);
  REQUIRE(names.at(4) == "Erase");
  REQUIRE(names.at(5) == "MergeErasure");
  names.erase(names.begin() + 4, names.begin() + 6);
  CHECK(names == without);  // nothing else is different

  AfuIc blocking;  // inside the halt
  blocking.set("match_steps", std::int64_t{5});
  blocking.request.coordination = Coordination::blocking;
  names = blocking.run();
  CHECK(beginning(names, 9) == Names{"Halt", "Erase", "MergeErasure", "Calibrate", "MergeCalibration",
                                     "Erase", "MergeErasure", "Resume", "Forgotten"});

  AfuIc nothing_held_out;
  nothing_held_out.set("match_steps", std::int64_t{5});
  nothing_held_out.request.non_members = test::some_rows({});
  CHECK(nothing_held_out.run() == without);

  AfuIc never;  // took part
  never.set("match_steps", std::int64_t{5});
  never.target.contributions = 0;
  CHECK(never.run() == Names{"Forgotten", "Done"});
}

TEST_CASE("afu_ic: what the target computed once can be calibrated before it is published") {
  AfuIc once;
  once.set("erasure", std::string("uce"));
  once.set("erasure_rounds", std::int64_t{1});
  once.set("publish", std::string("calibrated"));
  once.scenario.calibration.invariance = config::Invariance::difference;
  once.patterns = {1, 2, 3};
  CHECK(once.complaints().empty());
  const auto names = once.run();
  CHECK(beginning(names, 7) ==
        Names{"Erase", "Erase", "Calibrate", "Calibrate", "Erase", "MergeErasure", "Forgotten"});
  CHECK(once.all<methods::Erase>().at(0).at_target);
  CHECK_FALSE(once.all<methods::Erase>().at(1).at_target);
  CHECK(once.all<methods::Calibrate>().at(0).job.as<calibrate::DifferenceJob>()->erased);
  CHECK(once.all<methods::MergeErasure>().at(0).calibration);

  once.set("erasure_rounds", std::int64_t{2});
  CHECK(once.complaints().count("unlearning.afu_ic.publish") == 1);
}

TEST_CASE("afu_ic: matching needs held-out samples") {
  AfuIc s;
  s.set("match_steps", std::int64_t{1});
  s.scenario.partition.holdout_fraction = 0;
  CHECK(s.complaints().count("unlearning.afu_ic.match_steps") == 1);
  s.scenario.partition.holdout_fraction = 0.1;
  CHECK(s.complaints().empty());
  s.scenario.partition.holdout_fraction = 0;
  s.set("match_steps", std::int64_t{0});
  CHECK(s.complaints().empty());
}

TEST_CASE("afu_ic: minibatches cost the samples that they take") {
  AfuIc s;
  s.run();
  CHECK(s.all<methods::Calibrate>().at(0).passes == 9 * 20);
  AfuIc batches;
  batches.scenario.calibration.batch_size = 4;  // 3 of six and 1 of three
  batches.run();
  CHECK(batches.all<methods::Calibrate>().at(0).passes == 4 * 20);
  CHECK(batches.all<methods::Calibrate>().at(0).job.as<calibrate::CalibrateJob>()->objective.batch == 4);
  AfuIc one;
  one.scenario.calibration.batch_size = 1;  // one of each environment at least
  one.run();
  CHECK(one.all<methods::Calibrate>().at(0).passes == 2 * 20);
  AfuIc large;
  large.scenario.calibration.batch_size = 1000;
  large.run();
  CHECK(large.all<methods::Calibrate>().at(0).passes == 9 * 20);
}

TEST_CASE("afu_ic: what follows an erasure goes through it in stages, the window does not") {
  AfuIc s;
  s.scenario.calibration.research->stages = 5;
  s.scenario.calibration.research->until_loss =
      true;  // repeats the first: as the jobs' figures are absent, to the end
  s.scenario.calibration.research->until_loss_steps = 60;
  s.run();
  std::vector<std::int64_t> stages;
  for (const auto& c : s.all<methods::Calibrate>()) {
    stages.push_back(c.job.as<calibrate::CalibrateJob>()->descent.stages);
    CHECK(c.job.as<calibrate::CalibrateJob>()->erasure);
  }
  CHECK(stages == std::vector<std::int64_t>{5, 1, 1, 1, 1, 1});
  AfuIc few;
  few.scenario.calibration.steps = 3;  // fewer than the default's stages
  few.run();
  CHECK(few.all<methods::Calibrate>().at(0).job.as<calibrate::CalibrateJob>()->descent.stages == 3);
}

TEST_CASE("afu_ic: the window ends once enough calibrations in a row found the penalty at its reference") {
  const auto window = [](std::int64_t jobs, std::vector<double> penalties) {
    AfuIc s;
    s.scenario.calibration.invariance = config::Invariance::vrex;
    s.scenario.calibration.window_updates = 12;
    s.scenario.calibration.research->sunset_jobs = jobs;
    s.penalties = std::move(penalties);
    const auto names = s.run();
    return s.count(names, "AwaitUpdates");
  };
  // The first one is right after the merge and does not count.
  CHECK(window(0, {1, 1, 1, 1, 1, 1, 1}) == 6);
  CHECK(window(2, {1, 1, 1, 1, 1, 1, 1}) == 2);
  CHECK(window(2, {1, 1.1, 1.1, 1}) == 2);
  CHECK(window(2, {1, 1.11, 1, 1.11, 1, 1, 1}) == 5);  // in a row
  CHECK(window(2, {1, 1, 3, 1, 3, 1, 3}) == 6);        // the window's own end
  CHECK(window(3, {}) == 6);                           // no figures, as in a timing-only run
}

TEST_CASE("afu_ic: what the reference costs is counted") {
  AfuIc s;
  s.scenario.calibration.research->sunset_jobs = 2;
  s.scenario.calibration.invariance = config::Invariance::irm;
  s.run();
  CHECK(s.all<methods::Calibrate>().at(0).passes == 9 * 20 + 9 * 2);
  CHECK(s.all<methods::Calibrate>().at(0).job.as<calibrate::CalibrateJob>()->sunset);
}

TEST_CASE("afu_ic: the gate stands from the erasure to the window's end, on a fixed probe") {
  AfuIc s;
  auto& c = s.scenario.calibration;
  c.invariance = config::Invariance::irm;
  c.research->gate = true;
  c.research->gate_epsilon = 0.25;
  c.research->gate_samples = 6;  // 4 of six and 2 of three
  auto names = s.run();
  CHECK(names.at(4) == "Forgotten");
  CHECK(names.at(5) == "GateUpdates");
  const auto gates = s.all<methods::GateUpdates>();
  REQUIRE(gates.size() > 1);
  for (const auto& g : gates) {
    CHECK(g.passes == 2 * 6);
    CHECK(g.job.epsilon == 0.25);
    REQUIRE(g.job.samples.size() == 2);
    CHECK(g.job.samples[0]->size() == 4);
    CHECK(g.job.samples[1]->size() == 2);
    for (std::size_t e = 0; e < 2; ++e) {
      CHECK(*g.job.samples[e] == *gates[0].job.samples[e]);
      for (auto row : *g.job.samples[e])
        CHECK(std::count(s.view.environments[e]->begin(), s.view.environments[e]->end(), row) == 1);
    }
    CHECK(g.job.key.round == gates[0].job.key.round);
  }
  names.erase(std::remove(names.begin(), names.end(), "GateUpdates"), names.end());
  AfuIc plain;
  CHECK(names == plain.run());

  AfuIc placebo;
  placebo.scenario.calibration = c;
  placebo.scenario.calibration.placebo = true;
  CHECK(placebo.run() == names);

  AfuIc alone;  // without calibrations the window is the gate's
  alone.scenario.calibration = c;
  alone.scenario.calibration.window_steps = 0;
  names = alone.run();
  CHECK(std::vector<std::string>(names.end() - 4, names.end()) ==
        Names{"Forgotten", "GateUpdates", "AwaitUpdates", "Done"});
}

TEST_CASE("afu_ic: what is calibrated in private is merged once, with all that was done") {
  AfuIc s;
  s.set("publish", std::string("calibrated"));
  s.scenario.calibration.research->until_loss = true;  // as the jobs' figures are absent, to the end
  s.scenario.calibration.research->until_loss_steps = 60;
  const auto names = s.run();
  CHECK(beginning(names, 10) == Names{"Erase", "Erase", "Calibrate", "Erase", "Calibrate", "Erase",
                                      "Calibrate", "Erase", "MergeErasure", "Forgotten"});
  CHECK(s.count(names, "MergeErasure") == 1);
  CHECK(s.all<methods::MergeErasure>().at(0).calibration);
  CHECK(s.all<methods::MergeErasure>().at(0).influence_gain == 1.0);
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(s.all<methods::Calibrate>().at(i).job.as<calibrate::CalibrateJob>()->base != s.view.model);
  // The window's begin at what is published, as ever.
  CHECK(s.all<methods::Calibrate>().at(3).job.as<calibrate::CalibrateJob>()->base == s.view.model);
  CHECK(s.count(names, "MergeCalibration") == 3);

  AfuIc blocking;
  blocking.set("publish", std::string("calibrated"));
  blocking.request.coordination = Coordination::blocking;
  CHECK(beginning(blocking.run(), 8) ==
        Names{"Halt", "Erase", "Erase", "Calibrate", "Erase", "MergeErasure", "Resume", "Forgotten"});
}

TEST_CASE("afu_ic: what cannot be calibrated in private is refused") {
  AfuIc s;
  s.set("publish", std::string("calibrated"));
  CHECK(s.complaints().empty());
  s.set("erasure", std::string("fedquit"));
  CHECK(s.complaints().empty());
  s.set("erasure_rounds", std::int64_t{2});
  CHECK(s.complaints().count("unlearning.afu_ic.publish") == 1);
  s.set("erasure", std::string("ledger"));
  s.set("match_steps", std::int64_t{1});
  CHECK(s.complaints().count("unlearning.afu_ic.publish") == 1);
  s.set("match_steps", std::int64_t{0});
  s.scenario.calibration.research->max_delta = 1;
  CHECK(s.complaints().count("calibration.research.max_delta") == 1);
  s.scenario.calibration.research->max_delta = 0;
  s.scenario.calibration.research->staleness_discount = true;
  s.scenario.calibration.research->max_delta = 1;  // both are told at once
  CHECK(s.complaints().count("calibration.research.max_delta") == 1);
  CHECK(s.complaints().count("calibration.research.staleness_discount") == 1);
  s.scenario.calibration.research->max_delta = 0;
  s.scenario.calibration.research->staleness_discount = false;
  s.scenario.calibration.steps = 0;
  CHECK(s.complaints().count("unlearning.afu_ic.publish") == 1);
}

TEST_CASE("afu_ic: unless told otherwise it is calibrated in private wherever that can be") {
  const Names privately{"Erase", "Erase", "Calibrate", "Erase", "MergeErasure", "Forgotten"};
  AfuIc s;
  s.set("publish", std::string("auto"));
  CHECK(beginning(s.run(), 6) == privately);
  AfuIc without_ledger;
  without_ledger.set("publish", std::string("auto"));
  without_ledger.set("erasure", std::string("uce"));
  CHECK(beginning(without_ledger.run(), 6) == privately);

  const auto at_once = [](void (*change)(AfuIc&)) {
    AfuIc a;
    a.set("publish", std::string("auto"));
    change(a);
    CHECK(a.complaints().empty());
    const auto procedure = methods::find_method("afu_ic").start(a.request);
    REQUIRE(std::holds_alternative<methods::Erase>(procedure->next(a.view, nullptr)));
    job::JobResult erased;
    erased.outputs = {test::some_model()};
    CHECK(step_name(procedure->next(a.view, &erased)) == std::string("MergeErasure"));
  };
  at_once([](AfuIc& a) {
    a.set("erasure", std::string("uce"));
    a.set("erasure_rounds", std::int64_t{2});
  });
  at_once([](AfuIc& a) { a.set("match_steps", std::int64_t{2}); });
  at_once([](AfuIc& a) { a.scenario.calibration.research->max_delta = 1; });
  at_once([](AfuIc& a) { a.scenario.calibration.research->staleness_discount = true; });
  at_once([](AfuIc& a) { a.scenario.calibration.steps = 0; });
}

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

namespace {

/// The target's ledger is kept by three shards, of which the first has nothing yet.
struct ByShard : AfuIc {
  ByShard() {
    target.influence = nullptr;
    target.shards = {nullptr, test::some_model(), test::some_model()};
    scenario.training.shards = 3;
    request.scope = methods::Scope::samples;
  }
};

}  // namespace

TEST_CASE("afu_ic: of a part of a client those shards are subtracted that hold some of it") {
  ByShard s;
  s.set("gain", 0.5);
  s.view.shards = {0, 2};
  s.run();
  const auto* job = s.all<methods::Erase>().at(0).job.as<engine::CombineJob>();
  REQUIRE(job);
  REQUIRE(job->outputs.size() == 1);
  REQUIRE(job->outputs[0].terms.size() == 1);
  CHECK(job->outputs[0].terms[0].vector == s.target.shards[2]);
  CHECK(job->outputs[0].terms[0].coefficient == -0.5);
  const auto merge = s.all<methods::MergeErasure>().at(0);
  REQUIRE(merge.taken.size() == 1);
  REQUIRE(merge.taken[0].shards.size() == 2);
  CHECK(merge.taken[0].shards[0].number == 0);
  CHECK(merge.taken[0].shards[0].influence == nullptr);
  CHECK(merge.taken[0].shards[1].number == 2);
  CHECK(merge.taken[0].shards[1].influence == s.target.shards[2]);
  CHECK(merge.taken[0].contributions == 2);
}

TEST_CASE("afu_ic: of shards that the ledger has nothing of nothing is in the model") {
  ByShard s;
  s.view.shards = {0};
  CHECK(s.run() == Names{"Forgotten", "Done"});
  ByShard timing;  // nobody has vectors
  timing.view.model = nullptr;
  timing.view.shards = {0, 1, 2};
  timing.target.shards.assign(3, nullptr);
  CHECK(timing.run().front() == "Erase");
  timing.target.contributions = 0;
  CHECK(timing.run() == Names{"Forgotten", "Done"});
}

TEST_CASE("afu_ic: what a ledger by shard cannot do is refused") {
  const auto complaints = [](const std::function<void(ByShard&)>& change) {
    ByShard s;
    change(s);
    return s.complaints();
  };
  CHECK(complaints([](auto&) {}).empty());
  const auto refused = [&](const std::string& key, const std::function<void(ByShard&)>& change) {
    CAPTURE(key);
    CHECK(complaints(change).count(key) == 1);
    CHECK(complaints([&](auto& s) {
            change(s);
            s.scenario.training.shards = 1;
          }).count(key) == 0);
  };
  refused("training.rule", [](auto& s) { s.scenario.training.rule = config::Rule::fedasync; });
  refused("unlearning.afu_ic.gain_by", [](auto& s) { s.set("gain_by", std::string("layer")); });
  refused("unlearning.late", [](auto& s) { s.scenario.unlearning.late = config::LatePolicy::guard; });
  refused("calibration.research.guard_rank",
          [](auto& s) { s.scenario.calibration.research->guard_rank = 1; });
  refused("training.shards", [](auto& s) {
    config::Erasure e;
    e.scope = config::Scope::data_class;
    e.label = 1;
    s.scenario.erasures = {e};
  });
  CHECK(complaints([](auto& s) {
          s.set("erasure", std::string("uce"));
          s.scenario.training.rule = config::Rule::fedasync;
        }).empty());
}

TEST_CASE("who trains a second head, or trains again by steps of its own, is refused with shards") {
  for (const char* name : {"fedau", "federaser"}) {
    config::Scenario s;
    for (const auto& m : methods::methods()) s.unlearning.methods[m.name] = config::Values(m.options);
    s.unlearning.method = name;
    s.training.shards = 2;
    for (const auto& section : methods::method_sections()) {
      if (section.name != name) continue;
      std::map<std::string, std::string> found;
      section.check(s, [&](const std::string& key, const std::string& text) { found[key] = text; });
      CHECK(found.count("training.shards") == 1);
    }
  }
}

TEST_CASE("the ledger is kept by shard for afu_ic's ledger alone") {
  config::Scenario s;
  for (const auto& m : methods::methods()) s.unlearning.methods[m.name] = config::Values(m.options);
  s.training.shards = 4;
  for (const auto& m : methods::methods())
    CHECK(methods::needs_of(m, s).shards == (m.name == "afu_ic" ? 4 : 1));
  s.unlearning.methods.at("afu_ic").set("erasure", std::string("uce"));
  CHECK(methods::needs_of(methods::find_method("afu_ic"), s).shards == 1);
}
