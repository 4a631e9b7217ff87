/// Claim (b), nothing comes back, on studies whose figures are known.
#include <string>

#include "tests/figures/judge.hpp"

#include <doctest/doctest.h>

using namespace afu;
using namespace afu::figures;
using afu::test::contains;
using afu::test::judge;
using afu::test::judge_subject;
using afu::test::SyntheticRun;
using afu::test::SyntheticStudy;

TEST_CASE("a rebound that lasts fails the claim, one that varies leaves it open") {
  const auto with = [](const std::function<double(std::uint64_t, double)>& attack) {
    return judge_subject(no_rebound, [=](std::uint64_t seed) {
      SyntheticRun r;
      r.attack = [=](double t) { return attack(seed, t); };
      return r;
    });
  };
  CHECK(with([](auto, double) { return 0.05; }).outcome == Outcome::holds);
  const auto back = with([](auto, double t) { return 0.03 + 0.05 * t; });
  CHECK(back.outcome == Outcome::fails);
  // E(t) = 0.05 t; the mean over rounds 6 to 10 is 0.4
  CHECK(contains(back.reason, "in rounds 6 to 10, +40.0 pp [+40.0, +40.0], above 5.0 pp"));
  CHECK(with([](auto seed, double t) { return t > 6 && seed > 3 ? 0.3 : 0.03; }).outcome == Outcome::open);
}

TEST_CASE("noise that peaks in every run, each time elsewhere, is no rebound") {
  const auto v = judge_subject(no_rebound, [](std::uint64_t seed) {
    SyntheticRun r;  // 6 pp above in one round of ten, another one in each seed: 1.2 pp of a block's mean
    r.attack = [=](double t) { return t == 2 * static_cast<double>(seed) ? 0.09 : 0.03; };
    return r;
  });
  CHECK(v.outcome == Outcome::holds);
}

TEST_CASE("a rebound that only the tail shows is a rebound") {
  const auto v = judge_subject(no_rebound, [](std::uint64_t) {
    SyntheticRun r;
    r.attack = [](double t) { return t > 6 ? 0.4 : 0.03; };
    return r;
  });
  CHECK(v.outcome == Outcome::fails);
}

TEST_CASE("no control that rebounds after its erasure, no verdict that nothing does") {
  const auto with = [](const std::function<SyntheticRun(std::uint64_t)>& control) {
    SyntheticStudy made;
    made.arm("mine", "method", false, [](std::uint64_t) { return SyntheticRun(); });
    made.arm("retrain", "reference", false, [](std::uint64_t) { return SyntheticRun(); });
    if (control) made.arm("leak", "control", false, control);
    // Its attack stands high from the request on: it held the place of a control that rebounds.
    made.arm("none", "control", false, [](std::uint64_t) {
      SyntheticRun r;
      r.erased = false;
      r.attack = [](double) { return 0.9; };
      return r;
    });
    return judge(made, no_rebound);
  };
  const auto attack = [&](const std::function<double(std::uint64_t, double)>& of) {
    return with([=](std::uint64_t seed) {
      SyntheticRun r;
      r.attack = [=](double t) { return of(seed, t); };
      return r;
    });
  };
  const auto open = [](const Verdict& v, const std::string& why) {
    CAPTURE(v.reason);
    CHECK(v.outcome == Outcome::open);
    CHECK(contains(v.reason, why));
  };
  open(with(nullptr), "no control arm that erased shows");
  open(
      attack([](auto, double) { return 0.03; }),
      "no control arm rebounded after its erasure: the most is +0.0 pp [+0.0, +0.0] in rounds 1 to 6 (leak)");
  // High, but not rising: nothing came back, it never went.
  open(attack([](auto seed, double) { return 0.6 + 0.01 * static_cast<double>(seed); }),
       "no control arm rebounded after its erasure");
  // In one of five seeds: on average 12 pp, with an interval that reaches below 0.
  open(attack([](auto seed, double t) { return seed == 3 && t > 0 ? 0.63 : 0.03; }),
       "the most is +12.0 pp [");
  CHECK(attack([](auto seed, double t) {
          return t > 0 ? 0.2 + 0.01 * static_cast<double>(seed) : 0.03;
        }).outcome == Outcome::holds);
  CHECK(attack([](auto seed, double t) {  // once the calibrator is off
          return t > 6 ? 0.2 + 0.01 * static_cast<double>(seed) : 0.03;
        })
            .outcome == Outcome::holds);
}
