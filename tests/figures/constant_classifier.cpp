#include "figures/constant_classifier.hpp"

#include <doctest/doctest.h>

using namespace afu;
using namespace afu::figures;

namespace {

record::Summary with(double share, std::uint64_t classes) {
  record::Summary s;
  s.test_set = {100, classes, share, 0.9};
  s.retain_set = {50, classes, 0.75, 0.5};
  return s;
}

std::optional<double> score(const char* metric, const record::Summary& s) {
  return constant_score(*find_metric(metric), s);
}

}  // namespace

TEST_CASE("a constant classifier scores the largest class' share, 1 / classes, 0.5 and the labels' entropy") {
  const auto s = with(0.625, 4);
  CHECK(score("test_accuracy", s) == 0.625);
  CHECK(score("retain_accuracy", s) == 0.75);
  CHECK(score("balanced_accuracy", s) == 0.25);
  CHECK(score("test_auc", s) == 0.5);
  CHECK(score("test_loss", s) == 0.9);
  for (const char* metric :
       {"forget_accuracy", "attack_success_rate", "mia_auc", "calibration_error", "brier_score"}) {
    CHECK_FALSE(score(metric, s));
    CHECK_FALSE(has_constant_score(*find_metric(metric)));
  }
  const record::Summary old;
  for (const char* metric : {"test_accuracy", "retain_accuracy", "balanced_accuracy", "test_loss"}) {
    CHECK_FALSE(score(metric, old));
    CHECK(has_constant_score(*find_metric(metric)));
  }
  CHECK(score("test_auc", old) == 0.5);
}

TEST_CASE("beside an accuracy stands the largest class' share, and its range where runs differ") {
  const auto a = with(0.5, 3), b = with(0.48125, 3);
  const record::Summary old;
  const auto& accuracy = *find_metric("test_accuracy");
  CHECK(title_beside_majority(accuracy, {&a}) == "test accuracy (majority class 50.0 %)");
  CHECK(title_beside_majority(accuracy, {&a, &a, &old}) == "test accuracy (majority class 50.0 %)");
  CHECK(title_beside_majority(accuracy, {&a, &b}) == "test accuracy (majority class 48.1 to 50.0 %)");
  CHECK(title_beside_majority(accuracy, {&old}) == "test accuracy");
  CHECK(title_beside_majority(*find_metric("retain_accuracy"), {&a}) ==
        "retain accuracy (majority class 75.0 %)");
  CHECK(title_beside_majority(*find_metric("balanced_accuracy"), {&a}) == "balanced accuracy");
}
