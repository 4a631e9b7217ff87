#include "methods/prune/scores.hpp"

#include <cmath>
#include <stdexcept>

#include <doctest/doctest.h>

using namespace afu;

// Two classes and an absent third; layers of 2 and 1 channels. A = {{3, 1, 2}, {1, 1, 4}} for the classes 0
// and 2.
TEST_CASE("the scores are TF times IDF, by hand") {
  const std::vector<double> numbers{2, 0, 4, 6, 2, 4, 0, 0, 0, 4, 4, 16};
  const auto scores = methods::discrimination_scores(numbers, {2, 1}, 0);
  REQUIRE(scores.size() == 3);
  CHECK(scores[0] == doctest::Approx(0.75 * std::log(3.0 / 2)));  // class 0 alone is above the mean of 2
  CHECK(scores[1] == doctest::Approx(0.25 * std::log(3.0 / 3)));  // both are at it
  CHECK(scores[2] == doctest::Approx(1.0 * std::log(3.0 / 2)));   // class 2 alone; TF counts within the layer
  const auto other = methods::discrimination_scores(numbers, {2, 1}, 2);
  CHECK(other[0] == doctest::Approx(0.5 * std::log(3.0 / 2)));
  for (double s : methods::discrimination_scores(numbers, {2, 1}, 1)) CHECK(s == 0);  // nobody has that class
  for (double s : methods::discrimination_scores({1, 1, 0, 0, 0, 0, 0, 5}, {2, 1}, 0))
    CHECK(s == 0);  // a dead layer
  CHECK_THROWS_AS(methods::discrimination_scores(numbers, {2, 2}, 0), std::invalid_argument);
  CHECK_THROWS_AS(methods::discrimination_scores(numbers, {2, 1}, 3), std::invalid_argument);
  CHECK_THROWS_AS(methods::discrimination_scores({}, {2, 1}, 0), std::invalid_argument);
}

TEST_CASE("the scores of public codes: another IDF, and TF times log(C_out e / coe)") {
  const std::vector<double> numbers{2, 0, 4, 6, 2, 4, 0, 0, 0, 4, 4, 16};
  const auto code =
      methods::discrimination_scores(numbers, {2, 1}, 0, {methods::Discrimination::Idf::code, 0});
  CHECK(code[0] == doctest::Approx(0.75 * std::log(2.0 / 2)));
  CHECK(code[1] == doctest::Approx(0.25 * std::log(2.0 / 3)));  // below 0: all classes answer
  const auto scaled =
      methods::discrimination_scores(numbers, {2, 1}, 0, {methods::Discrimination::Idf::paper, 0.5});
  CHECK(scaled[0] == doctest::Approx(0.75 * std::log(2 * std::exp(1.0) / 0.5) * std::log(3.0 / 2)));
  CHECK(scaled[2] == doctest::Approx(std::log(1 * std::exp(1.0) / 0.5) * std::log(3.0 / 2)));
}
