/// Which steps an erasure takes, and what they cost.
#include <algorithm>
#include <string>
#include <vector>

#include "config/scenario.hpp"
#include "methods/afu_ic/match_job.hpp"
#include "tests/methods/afu_ic/procedure.hpp"

using namespace afu;
using methods::Coordination;
using test::AfuIc;
using test::beginning;
using test::Names;
using test::step_name;
using test::until_calibrated;

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
