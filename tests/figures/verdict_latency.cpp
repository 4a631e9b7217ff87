/// Claim (d) on cells that were made up so that an erasure without a useful model must not win.
#include <string>

#include "figures/verdicts.hpp"
#include "tests/figures/study_folder.hpp"

#include <doctest/doctest.h>

using namespace afu;
using namespace afu::figures;
using afu::test::SyntheticRun;
using afu::test::SyntheticStudy;
using doctest::Approx;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

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
