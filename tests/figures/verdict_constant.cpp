/// No claim holds by a classifier that gives every image the same answer.
#include <string>
#include <utility>
#include <vector>

#include "tests/figures/judge.hpp"

#include <doctest/doctest.h>

using namespace afu;
using namespace afu::figures;
using afu::test::contains;
using afu::test::judge;

TEST_CASE("a classifier that gives every image the same answer is not equivalent to one that does too") {
  using test::constant_classifier;
  using test::FidelityStudy;
  using test::sound_classifier;
  const std::pair<const char*, const char*> metrics[] = {
      {"test_accuracy",
       "retrain's test accuracy at once 50.0 % is not clearly above a constant classifier's 50.0 %"},
      {"balanced_accuracy",
       "retrain's balanced accuracy at once 33.3 % is not clearly above a constant classifier's 33.3 %"},
      {"test_auc", "retrain's test AUC at once 0.500 is not clearly above a constant classifier's 0.500"},
      {"test_loss", "retrain's test loss at once 1.040 is not clearly below a constant classifier's 1.040"},
      {"calibration_error", "retrain's test AUC at once 0.500 is not clearly above a constant classifier's"},
      {"brier_score", "retrain's test AUC at once 0.500 is not clearly above a constant classifier's"}};
  for (const auto& [metric, why] : metrics) {
    const std::vector<std::string> family{metric, "attack_success_rate", "mia_auc"};
    CAPTURE(family.front());
    const auto constant = FidelityStudy(family, constant_classifier, constant_classifier);
    const auto v = judge(constant, equivalence);  // it held: five seeds of difference 0
    CHECK(v.outcome == Outcome::open);
    CHECK(contains(v.reason, why));
    CHECK(contains(v.reason, "nothing is claimed about fidelity"));
    const auto sooner = judge(constant, latency);
    CHECK(sooner.outcome == Outcome::open);  // it held: 2 s against 25 s
    CHECK(contains(sooner.reason, "retrain's balanced accuracy at once 33.3 % is not clearly above"));

    const auto sound = FidelityStudy(family, sound_classifier, sound_classifier);
    CHECK(judge(sound, equivalence).outcome == Outcome::holds);
    CHECK(judge(sound, latency).outcome == Outcome::holds);
    // One that differs from a constant reference is different all the same.
    CHECK(judge(FidelityStudy(family, sound_classifier, constant_classifier), equivalence).outcome ==
          Outcome::fails);
  }
}

TEST_CASE("the lead over a constant classifier is one beyond the margin, in every seed's doubt") {
  const std::vector<std::string> family{"balanced_accuracy", "attack_success_rate", "mia_auc"};
  const auto with = [&](double lead, double spread) {
    auto of = test::sound_classifier;
    of.balanced_accuracy = 1.0 / 3 + lead;
    return judge(test::FidelityStudy(family, of, of, spread), equivalence);
  };
  CHECK(with(0.029, 0).outcome == Outcome::open);
  CHECK(with(0.031, 0).outcome == Outcome::holds);
  // The half-width is 1.5074 spread.
  CHECK(with(0.06, 0.019).outcome == Outcome::holds);
  const auto v = with(0.06, 0.021);
  CHECK(v.outcome == Outcome::open);
  CHECK(contains(v.reason,
                 "39.3 % is not clearly above a constant classifier's 33.3 % (it leads by +6.0 pp [+2.8, "
                 "+9.2], more than 3.0 pp is needed)"));
}

TEST_CASE("a time to a useful model needs one that a constant classifier is not, whatever the family names") {
  const std::vector<std::string> family{"attack_success_rate", "mia_auc"};
  const auto constant = test::FidelityStudy(family, test::constant_classifier, test::constant_classifier);
  CHECK(judge(constant, equivalence).outcome == Outcome::holds);  // it is about forgetting alone
  const auto v = judge(constant, latency);
  CHECK(v.outcome == Outcome::open);
  CHECK(contains(v.reason, "retrain's balanced accuracy at once 33.3 % is not clearly above"));
  const auto sound = test::FidelityStudy(family, test::sound_classifier, test::sound_classifier);
  CHECK(judge(sound, latency).outcome == Outcome::holds);
}

TEST_CASE(
    "runs that do not tell their sets' classes hold nothing by accuracy, and by the AUC what they did") {
  const auto with = [](const char* metric, const char* set) {
    auto made = test::FidelityStudy({metric, "attack_success_rate", "mia_auc"}, test::sound_classifier,
                                    test::sound_classifier);
    made.edit("retrain", 4, [&](auto& j) { j["context"][set] = nullptr; });
    return judge(made, equivalence);
  };
  for (const char* metric : {"test_accuracy", "balanced_accuracy", "test_loss"}) {
    const auto v = with(metric, "test_set");
    CHECK(v.outcome == Outcome::open);
    CHECK(contains(v.reason,
                   "cannot be told, since the summary of cells/retrain/seed=4 does not tell the classes"));
  }
  CHECK(with("retain_accuracy", "retain_set").outcome == Outcome::open);
  CHECK(with("retain_accuracy", "test_set").outcome == Outcome::holds);
  CHECK(with("test_auc", "test_set").outcome == Outcome::holds);
}
