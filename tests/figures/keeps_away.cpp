/// Less comes back than under the controls, on studies whose figures are known.
#include <string>

#include "tests/figures/judge.hpp"

#include <doctest/doctest.h>

using namespace afu;
using namespace afu::figures;
using afu::test::contains;
using afu::test::step;
using afu::test::SyntheticRun;
using afu::test::SyntheticStudy;

namespace {

/// From the first round on; the erased model has 3 %.
SyntheticRun with_attack(double success) {
  SyntheticRun r;
  r.attack = [=](double t) { return t < 1 ? 0.03 : success; };
  return r;
}

struct Arms {
  double subject = 0.05, control = 0.4, spread = 0.01;  ///< the spread of the control over the seeds
  std::vector<std::string> controls{"placebo"};
  double margin = 0.1;
  bool never_gone = false;  ///< by the controls: their erased model has it as well
};

Verdict judged(const Arms& arms) {
  SyntheticStudy made;
  made.manifest["controls"] = arms.controls;
  made.manifest["statistics"]["control_margin"] = arms.margin;
  made.arm("mine", "method", false, [&](std::uint64_t) { return with_attack(arms.subject); });
  made.arm("retrain", "reference", false, [](std::uint64_t) { return SyntheticRun(); });
  for (const char* name : {"placebo", "placebo_twice"})
    made.arm(name, "control", false, [&](std::uint64_t seed) {
      const double success = arms.control + arms.spread * step(seed);
      auto run = with_attack(success);
      if (arms.never_gone) run.attack = [=](double) { return success; };
      return run;
    });
  const auto study = read_study(made.folder.path());
  return keeps_away(Analysis(study), 0, study.subject);
}

}  // namespace

TEST_CASE("it is held against each control, seed by seed, over the protocol's rounds") {
  const auto v = judged({});
  CHECK(v.outcome == Outcome::holds);
  // Half of the 95 % interval: 2.776 sqrt(2.5) 0.01 / sqrt(5).
  CHECK(contains(v.reason,
                 "attack success, mean of rounds 1 to 6: -35.0 pp [-37.0, -33.0] against placebo (p "));
  CHECK(contains(v.reason, "; 10.0 pp below is asked for"));
}

TEST_CASE("a difference that is smaller than the margin fails the claim, one that may be leaves it open") {
  Arms arms;
  arms.subject = 0.2, arms.control = 0.26;
  const auto small = judged(arms);
  CHECK(small.outcome == Outcome::fails);
  CHECK(contains(small.reason, "-6.0 pp [-8.0, -4.0] against placebo"));
  arms.control = 0.32;  // -12 pp, within 10.0 and 14.0
  CHECK(judged(arms).outcome == Outcome::holds);
  arms.margin = 0.13;
  CHECK(judged(arms).outcome == Outcome::open);
  arms.control = 0.15;  // above the control
  CHECK(judged(arms).outcome == Outcome::fails);
}

TEST_CASE("with more controls each must be shown: p-values are corrected by Holm") {
  Arms arms;
  // -20 pp with sd 0.0858 sqrt(2.5): t = 3.30 of 4 degrees of freedom, p = 0.030.
  arms.subject = 0.35, arms.control = 0.55, arms.spread = 0.0858;
  const auto one = judged(arms);
  CHECK(one.outcome == Outcome::holds);
  CHECK(contains(one.reason, "(p 0.03, Holm)"));
  arms.controls = {"placebo", "placebo_twice"};
  const auto two = judged(arms);
  CHECK(two.outcome == Outcome::open);
  CHECK(contains(two.reason, "(p 0.0601, Holm); -20.0"));
}

TEST_CASE("where the controls keep the influence away themselves nothing is claimed, for or against") {
  Arms arms;
  arms.subject = 0.04, arms.control = 0.06;
  const auto v = judged(arms);
  CHECK(v.outcome == Outcome::open);
  CHECK(contains(v.reason, "no control arm rebounded after its erasure: the most is +3.0 pp"));
  arms.subject = 0.03, arms.margin = 0.02;
  CHECK(judged(arms).outcome == Outcome::open);
}

TEST_CASE("a control that never lost the influence need not rebound") {
  Arms arms;
  arms.never_gone = true;
  const auto v = judged(arms);
  CHECK(v.outcome == Outcome::holds);
  CHECK(contains(v.reason, "-35.0 pp [-37.0, -33.0] against placebo"));
  arms.subject = 0.04, arms.control = 0.06;
  const auto little = judged(arms);
  CHECK(little.outcome == Outcome::open);
  CHECK(contains(little.reason, "and what a control left above retrain is +3.0 pp (placebo) at most"));
}

TEST_CASE("without controls, or the protocol, nothing is judged") {
  Arms arms;
  arms.controls = {};
  CHECK(judged(arms).reason == "the study names no controls");
}
