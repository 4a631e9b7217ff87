/// Claims (c) and (d) on studies whose figures are known, and on cells that were made up so that an erasure without a useful model must
/// not win.
#include <cmath>
#include <string>

#include "tests/figures/judge.hpp"

#include <doctest/doctest.h>

using namespace afu;
using namespace afu::figures;
using afu::test::contains;
using afu::test::judge;
using afu::test::judge_subject;
using afu::test::step;
using afu::test::SyntheticRun;
using afu::test::SyntheticStudy;
using doctest::Approx;

namespace {

constexpr double chance = 0.25, good = 0.8;

/// The subject publishes at the request. Its versions have the test accuracy of the reference's (the largest
/// class is most of the test set) and, `seconds` behind the request, the balanced accuracy that is given; all
/// other arms have 80 %.
struct Made {
  SyntheticStudy study;
  explicit Made(const std::function<double(double seconds)>& balanced, double barrier = 25) {
    const auto run = [](double latency) {
      SyntheticRun r;
      r.before.balanced_accuracy = r.final.balanced_accuracy = good;
      r.latency = latency;
      return r;
    };
    study.arm("mine", "method", false, [&](std::uint64_t) {
      auto r = run(0);
      r.balanced = [=](double rounds) { return balanced(2 * rounds); };  // a round has two updates
      return r;
    });
    study.arm("retrain", "reference", false, [&](std::uint64_t) {
      auto r = run(30);
      r.restarted = true;
      return r;
    });
    study.arm("barrier", "method", true, [&](std::uint64_t) { return run(barrier); });
    study.arm("leak", "control", false, [&](std::uint64_t seed) {
      auto r = test::leaking(seed);
      r.before.balanced_accuracy = r.final.balanced_accuracy = good;
      return r;
    });
  }
  Analysis analysis() const { return Analysis(read_study(study.folder.path())); }
  Verdict judge() const {
    const auto a = analysis();
    return latency(a, 0, a.study().subject);
  }
  /// Of the first seed.
  std::optional<double> passing() const {
    const auto a = analysis();
    return a.figures(*a.study().cells_of(0, 0)[0])->passing;
  }
};

double recovers(double seconds) { return seconds < 2 ? chance : good; }

}  // namespace

TEST_CASE("downtime in one cell fails; throughput needs its interval at the margin") {
  const auto with = [](auto change) {
    return judge_subject(no_downtime, [=](std::uint64_t seed) {
      SyntheticRun r;
      change(r, seed);
      return r;
    });
  };
  const auto halted = with([](SyntheticRun& r, std::uint64_t seed) { r.downtime = seed == 4 ? 2 : 0; });
  CHECK(halted.outcome == Outcome::fails);
  CHECK(contains(halted.reason, "training stood still in 1 of 5 cells"));
  // The 95 % interval has the half-width 1.2417 sd = 1.9633 spread.
  CHECK(with([](SyntheticRun& r, auto s) { r.throughput = 0.97 + 0.010 * step(s); }).outcome ==
        Outcome::holds);
  CHECK(with([](SyntheticRun& r, auto s) { r.throughput = 0.97 + 0.011 * step(s); }).outcome ==
        Outcome::open);
  CHECK(with([](SyntheticRun& r, auto s) { r.throughput = 0.90 + 0.010 * step(s); }).outcome ==
        Outcome::fails);
}

TEST_CASE("latency against the fastest synchronous arm that passes") {
  const auto with = [](auto of_seed) {
    return judge_subject(latency, [=](std::uint64_t seed) {
      SyntheticRun r;
      r.latency = of_seed(seed);
      return r;
    });
  };
  CHECK(with([](auto) { return 2.5; }).outcome == Outcome::holds);  // exactly ten times
  CHECK(with([](auto) { return 2.6; }).outcome == Outcome::fails);
  CHECK(with([](auto s) { return 2.4 + 0.2 * step(s); }).outcome == Outcome::open);
  const auto v = with([](auto) { return 0.0; });  // at the request itself
  CHECK(v.outcome == Outcome::holds);
  CHECK(contains(v.reason, "0.00 s against 25.00 s of barrier"));
  const auto never = judge_subject(latency, [](std::uint64_t) {
    SyntheticRun r;
    r.erased = false;
    return r;
  });
  CHECK(never.outcome == Outcome::fails);
}

TEST_CASE("without a synchronous arm that passes there is nothing to be faster than") {
  SyntheticStudy made;
  made.arm("mine", "method", false, [](std::uint64_t) { return SyntheticRun(); });
  made.arm("retrain", "reference", false, [](std::uint64_t) { return SyntheticRun(); });
  made.arm("barrier", "method", true, [](std::uint64_t) {
    SyntheticRun r;
    r.final.attack_success_rate = 0.5;
    r.attack = [](double) { return 0.5; };
    return r;
  });
  CHECK(judge(made, latency).outcome == Outcome::open);
}

TEST_CASE("where no synchronous arm is shown to pass, the fastest that may is the measure") {
  const auto with = [](double latency_of_mine) {
    SyntheticStudy made;
    const auto arm = [&](const char* name, bool synchronous, double latency, double spread, double attack) {
      made.arm(name, "method", synchronous, [=](std::uint64_t seed) {
        SyntheticRun r;
        r.latency = latency;
        *r.final.test_accuracy += spread * (step(seed) + 2);  // none is too low to pass
        *r.final.attack_success_rate += attack;
        r.attack = [=](double) { return 0.03 + attack; };
        return r;
      });
    };
    arm("mine", false, latency_of_mine, 0, 0);
    made.arm("retrain", "reference", false, [](std::uint64_t) { return SyntheticRun(); });
    arm("different", true, 5, 0, 0.5);
    arm("slow", true, 90, 0.01, 0);
    arm("undecided", true, 25, 0.01, 0);
    return judge(made, latency);
  };
  const auto v = with(2.5);
  CHECK(v.outcome == Outcome::holds);
  CHECK(contains(v.reason, "25.00 s of undecided, the fastest synchronous arm that may pass (a)"));
  CHECK(with(2.6).outcome == Outcome::open);  // it may not pass, and the next is slower
}

TEST_CASE("where nothing was trained, the fastest synchronous arm is the measure") {
  const auto timing = [](double latency) {
    return [=](std::uint64_t) {
      SyntheticRun r;
      r.before = r.final = {};
      r.latency = latency;
      return r;
    };
  };
  SyntheticStudy made;
  made.arm("mine", "method", false, timing(2));
  made.arm("retrain", "reference", false, timing(5));
  made.arm("slow", "method", true, timing(40));
  made.arm("barrier", "method", true, timing(24));
  CHECK(read_study(made.folder.path()).untrained());
  const auto v = judge(made, latency);
  CHECK(v.outcome == Outcome::holds);
  CHECK(contains(v.reason,
                 "2.00 s against 24.00 s of barrier, the fastest synchronous arm (nothing was "
                 "trained, so equivalence is not part of it): 12.0 times shorter"));
  CHECK_FALSE(contains(v.reason, "(a)"));
  CHECK(judge(made, equivalence).outcome == Outcome::open);

  SyntheticStudy alone;
  alone.arm("mine", "method", false, timing(2));
  alone.arm("retrain", "reference", false, timing(5));
  CHECK(judge(alone, latency).reason == "no synchronous arm erased, so there is none to be faster than");

  SyntheticStudy trained;
  test::fill_good_study(trained);
  CHECK_FALSE(read_study(trained.folder.path()).untrained());
}

TEST_CASE("seeds in which the synchronous arm never passes are told") {
  SyntheticStudy made;
  made.arm("mine", "method", false, [](std::uint64_t) { return SyntheticRun(); });
  made.arm("retrain", "reference", false, [](std::uint64_t) { return SyntheticRun(); });
  made.arm("barrier", "method", true, [](std::uint64_t seed) {
    SyntheticRun r;
    r.latency = 25 + 0.1 * static_cast<double>(seed);
    if (seed == 2) r.test = [](double t) { return t == std::floor(t) ? 0.83 : 0.7; };
    return r;
  });
  CHECK(
      contains(judge(made, latency).reason,
               "without 1 seed in which barrier never passes and stays so, cells/barrier/seed=2 the first"));
}

TEST_CASE("a first erased version at chance is not the one: two seconds until a useful one count") {
  const Made made(recovers);
  CHECK(*made.passing() == 2);  // by test accuracy it would be 0
  CHECK(made.judge().outcome == Outcome::holds);
  CHECK(contains(made.judge().reason, "time to pass 2.00 s against 25.00 s of barrier"));
  const Made slow(recovers, 19);  // ten times two seconds are more
  CHECK(slow.judge().outcome == Outcome::fails);
  CHECK(contains(slow.judge().reason, "time to pass 2.00 s against 19.00 s of barrier"));
  CHECK(*Made([](double) { return good; }, 19).passing() == 0);
}

TEST_CASE("an arm that is never useful has no time, and fails") {
  const Made made([](double) { return chance; });
  CHECK_FALSE(made.passing());
  CHECK(made.judge().outcome == Outcome::fails);
  CHECK(contains(made.judge().reason,
                 "in 5 of 5 cells no published version is erased and useful and stays so"));
}

TEST_CASE("an arm that is useful, and then no more, has not passed until it is again") {
  // From second 4 on three evaluations in a row at chance.
  CHECK(*Made([](double s) { return s >= 4 && s < 7 ? chance : good; }).passing() == 7);
  CHECK(*Made([](double s) { return s >= 4 && s < 6 ? chance : good; }).passing() == 0);
  CHECK_FALSE(Made([](double s) { return s >= 4 ? chance : good; }).passing());
}

TEST_CASE("useful is within the margin of balanced accuracy, or of test accuracy where it has none") {
  Made made([](double) { return good - 0.03; });
  CHECK_FALSE(made.passing());  // of test accuracy: 2 pp
  made.study.manifest["statistics"]["margins"]["balanced_accuracy"] = 0.04;
  made.study.save();
  CHECK(*made.passing() == 0);
}
