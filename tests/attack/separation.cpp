#include "attack/separation.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <stdexcept>

using namespace afu;
using namespace afu::attack;

namespace {
Scores normal(std::size_t n, double mean, std::uint64_t actor) {
  base::Stream stream({5, base::purpose("test.scores"), actor, 0});
  Scores s(n);
  for (auto& v : s) v = mean + stream.normal();
  return s;
}
}  // namespace

TEST_CASE("separation: perfectly separable scores") {
  const Scores members{3, 4, 5, 6}, others{0, 1, 2, 2};
  const auto s = separate(members, others);
  CHECK(s.auc == 1);
  CHECK(s.auc_error == 0);
  CHECK(s.tpr_at_1pct == 1);
  CHECK(s.tpr_at_01pct == 1);
  CHECK_FALSE(s.holds(0.5));
  CHECK(best_threshold(members, others) == 2.5);
  CHECK(accuracy_by_halves(members, others, {1, 2, 3, 4}) == 1);
}

TEST_CASE("separation: exchangeable scores read chance") {
  int inside = 0;
  for (std::uint64_t i = 0; i < 200; ++i)
    inside += separate(normal(60, 0, 2 * i), normal(80, 0, 2 * i + 1)).holds(0.5);
  CHECK(inside >= 180);  // 95 % of them, give or take three standard deviations
  CHECK(inside <= 199);
  const auto same = separate({1, 1, 1}, {1, 1});
  CHECK(same.auc == 0.5);
  CHECK(same.tpr_at_1pct == 0);  // no threshold lets a member through and not the others
  double sum = 0;
  for (std::uint64_t i = 0; i < 200; ++i)
    sum += accuracy_by_halves(normal(40, 0, 500 + i), normal(40, 0, 900 + i), {i, 0, 0, 0});
  CHECK(sum / 200 == doctest::Approx(0.5).epsilon(0.03));  // no optimism from where thresholds are chosen
}

TEST_CASE("separation: the standard error is DeLong's") {
  // By hand: placements of {2, 4} among {1, 3} are 1/2 and 1, of {1, 3} among {2, 4} 0 and 1/2.
  const auto s = separate({2, 4}, {1, 3});
  CHECK(s.auc == 0.75);
  CHECK(s.auc_error == doctest::Approx(std::sqrt(0.125 / 2 + 0.125 / 2)));
  CHECK(std::isnan(separate({1}, {0, 2}).auc_error));  // one member has no variance
  CHECK(separate({1}, {0, 2}).auc == 0.5);
  // Two normal distributions one deviation apart: AUC = Phi(1 / sqrt 2).
  const auto far = separate(normal(4000, 1, 1), normal(4000, 0, 2));
  CHECK(far.holds(0.5 * std::erfc(-0.5)));
  CHECK_FALSE(far.holds(0.5));
}

TEST_CASE("separation: the true-positive rate at a low false-positive rate") {
  Scores others(1000);
  for (std::size_t i = 0; i < others.size(); ++i) others[i] = static_cast<double>(i);
  const Scores members{500, 991, 998.5, 999, 2000};
  // At 1 % ten non-members may pass, those from 990 on; at 0.1 % one, 999.
  CHECK(tpr_at_fpr(members, others, 0.01) == 0.8);
  CHECK(tpr_at_fpr(members, others, 0.001) == 0.6);
  CHECK(tpr_at_fpr({1, 5}, {3}, 0.01) == 0.5);  // above them all
  CHECK(tpr_at_fpr({1, 5}, {3}, 1.0) == 1);
}

TEST_CASE("separation: infinite scores are scores, NaN is refused") {
  const double inf = std::numeric_limits<double>::infinity();
  CHECK(separate({inf, 1}, {-inf, -inf}).auc == 1);
  CHECK(balanced_accuracy_at({inf, 1}, {-inf, -inf}, best_threshold({inf, 1}, {-inf, -inf})) == 1);
  const double nan = std::nan("");
  for (const auto& s : {separate({nan}, {0}), separate({1, 2}, {0, nan})})
    for (double figure : {s.auc, s.auc_error, s.tpr_at_1pct, s.tpr_at_01pct}) CHECK(std::isnan(figure));
  CHECK(std::isnan(tpr_at_fpr({nan}, {0}, 0.5)));
  CHECK(std::isnan(best_threshold({nan}, {0})));
  CHECK(std::isnan(balanced_accuracy_at({nan}, {0}, 0)));
  CHECK(std::isnan(accuracy_by_halves({nan, 1}, {0, 0}, {})));
  CHECK_THROWS_AS(separate({}, {0}), std::invalid_argument);
}
