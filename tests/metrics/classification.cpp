#include "metrics/classification.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>

using namespace afu::metrics;
using doctest::Approx;

namespace {

Predictions made(std::vector<std::int64_t> predicted, std::vector<std::int64_t> labels,
                 std::vector<double> probabilities) {
  Predictions p;
  p.predicted = std::move(predicted);
  p.labels = std::move(labels);
  p.losses.assign(p.labels.size(), 1);
  p.probabilities = std::move(probabilities);
  return p;
}

}  // namespace

TEST_CASE("the area of two classes is that of class 1's score") {
  CHECK(area(made({0, 0, 0, 1}, {0, 0, 1, 1}, {0.9, 0.1, 0.6, 0.4, 0.65, 0.35, 0.2, 0.8})) == 0.75);
  CHECK(area(made({0, 0}, {1, 0}, {0.5, 0.5, 0.5, 0.5})) == 0.5);  // a constant classifier
}

TEST_CASE("the area of more classes is the mean over those that occur, each against the rest") {
  const std::vector<double> scores{0.7, 0.2, 0.1, 0.3, 0.5, 0.2, 0.2, 0.6,  0.2,
                                   0.5, 0.3, 0.2, 0.1, 0.1, 0.8, 0.4, 0.25, 0.35};
  const auto all = made({0, 1, 1, 0, 2, 0}, {0, 0, 1, 1, 2, 2}, scores);
  // Class 0: 0.7 is above all four others, 0.3 above two; class 1: four and three; class 2: four and four.
  CHECK(area(all) == Approx((6.0 / 8 + 7.0 / 8 + 8.0 / 8) / 3).epsilon(1e-12));
  // Without class 2: of each of the others three pairs of four.
  const auto two = made({0, 1, 1, 0}, {0, 0, 1, 1}, {scores.begin(), scores.begin() + 12});
  CHECK(area(two) == Approx(0.75).epsilon(1e-12));
  CHECK(std::isnan(area(made({0, 1}, {0, 0}, {scores.begin(), scores.begin() + 6}))));  // one class: none
}

TEST_CASE("the calibration error weights the gap of each bin of the confidence by its samples") {
  // 0.95 twice, once right: |1 - 1.9|; 0.6, which closes its bin, and 0.58, both right: |2 - 1.18|; 0.62, in
  // the next bin and wrong: |0 - 0.62|.
  const auto p =
      made({0, 0, 0, 1, 1}, {0, 1, 0, 1, 0}, {0.95, 0.05, 0.95, 0.05, 0.6, 0.4, 0.42, 0.58, 0.38, 0.62});
  CHECK(calibration_error(p) == Approx((0.9 + 0.82 + 0.62) / 5).epsilon(1e-12));
  CHECK(calibration_error(made({0, 0}, {0, 0}, {1, 0, 1, 0})) == 0);  // certain, and right
  CHECK(calibration_error(made({0, 0}, {1, 1}, {1, 0, 1, 0})) == 1);
}

TEST_CASE("the Brier score is the mean squared distance of the probabilities to the answer") {
  CHECK(brier_score(made({0, 1}, {0, 0}, {0.7, 0.3, 0.2, 0.8})) == Approx((0.18 + 1.28) / 2).epsilon(1e-12));
  CHECK(brier_score(made({0, 0}, {0, 0}, {1, 0, 1, 0})) == 0);
  CHECK(brier_score(made({0, 0}, {1, 1}, {1, 0, 1, 0})) == 2);
  CHECK(brier_score(made({2}, {1}, {0.1, 0.2, 0.7})) == Approx(0.01 + 0.64 + 0.49).epsilon(1e-12));
}

TEST_CASE("the same answer to all is noticed where the labels differ") {
  CHECK(same_answers(made({0, 0, 0}, {0, 1, 0}, {0.7, 0.3, 0.7, 0.3, 0.7 + 4e-7, 0.3 - 4e-7})));
  CHECK_FALSE(same_answers(made({0, 0, 0}, {0, 1, 0}, {0.7, 0.3, 0.7, 0.3, 0.7001, 0.2999})));
  CHECK_FALSE(same_answers(made({0, 0, 0}, {0, 0, 0}, {0.7, 0.3, 0.7, 0.3, 0.7, 0.3})));  // rightly
  CHECK_FALSE(same_answers(made({0}, {1}, {0.7, 0.3})));
  const auto nan = std::nan("");
  CHECK_FALSE(same_answers(made({-1, -1}, {0, 1}, {nan, nan, nan, nan})));
  CHECK_THROWS_AS(same_answers(made({0, 1}, {0, 1}, {})), std::invalid_argument);
}

TEST_CASE("figures of probabilities need them, and an answer to every sample") {
  const auto bare = made({0, 1}, {0, 1}, {});
  CHECK_THROWS_AS(area(bare), std::invalid_argument);
  CHECK_THROWS_AS(calibration_error(bare), std::invalid_argument);
  CHECK_THROWS_AS(brier_score(bare), std::invalid_argument);
  CHECK_THROWS_AS(area({}), std::invalid_argument);
  CHECK_THROWS_AS(calibration_error({}), std::invalid_argument);
  const auto nan = std::nan("");
  const auto mute = made({0, -1}, {0, 1}, {0.9, 0.1, nan, nan});
  CHECK(std::isnan(area(mute)));
  CHECK(std::isnan(calibration_error(mute)));
  CHECK(std::isnan(brier_score(mute)));
}
