#include "attack/distance.hpp"

#include <cmath>

#include "attack/backdoor.hpp"
#include "model/parameters.hpp"

// After torch: its logging headers define a CHECK of their own, which doctest's must replace.
#include <doctest/doctest.h>

using namespace afu;
using namespace afu::attack;

namespace {
Answers of(const std::vector<double>& probabilities, const std::vector<std::int64_t>& labels) {
  std::vector<double> logits;
  for (double p : probabilities) logits.push_back(std::log(p));
  return from_logits(logits, static_cast<std::int64_t>(probabilities.size() / labels.size()), labels);
}
}  // namespace

TEST_CASE("distance: KL, JS and agreement in closed form") {
  const auto p = of({0.5, 0.5, 0.9, 0.1}, {0, 0}), q = of({0.25, 0.75, 0.9, 0.1}, {0, 0});
  const auto d = output_distance(p, q);
  const double kl = 0.5 * std::log(0.5 / 0.25) + 0.5 * std::log(0.5 / 0.75);
  const double js = 0.5 * (0.5 * std::log(0.5 / 0.375) + 0.5 * std::log(0.5 / 0.625)) +
                    0.5 * (0.25 * std::log(0.25 / 0.375) + 0.75 * std::log(0.75 / 0.625));
  CHECK(d.kl == doctest::Approx(kl / 2));  // the mean over samples, not over elements
  CHECK(d.js == doctest::Approx(js / 2));
  CHECK(d.agreement == 0.5);
  CHECK(output_distance(q, p).js == doctest::Approx(d.js));
  CHECK(output_distance(q, p).kl != doctest::Approx(d.kl));
  const auto self = output_distance(p, p);
  CHECK(self.kl == 0);
  CHECK(self.js == 0);
  CHECK(self.agreement == 1);
}

TEST_CASE("distance: JS of answers that exclude each other is ln 2, one bit") {
  const auto d = output_distance(from_logits({1000, 0}, 2, {0}), from_logits({0, 1000}, 2, {0}));
  CHECK(d.js == doctest::Approx(std::log(2.0)));
  CHECK(d.js_bits() == doctest::Approx(1));
  CHECK(d.kl == doctest::Approx(-std::log(1e-8)));  // clamped
  CHECK_THROWS_AS(output_distance(of({0.5, 0.5}, {0}), of({0.5, 0.5}, {1})), std::invalid_argument);
}

TEST_CASE("distance: parameters, in all and by layer, and the square") {
  auto layout = std::make_shared<model::Layout>();
  layout->parameters = {{"a", {2}, 0, 2}, {"b", {1}, 2, 1}};
  layout->parameter_count = 3;
  const model::ParameterVector x{layout, torch::tensor({3.0f, 4.0f, 0.0f}), {}};
  const model::ParameterVector y{layout, torch::tensor({3.0f, 4.0f, 2.0f}), {}};
  const auto d = parameter_distance(x, y);
  CHECK(d.absolute == doctest::Approx(2));
  CHECK(d.squared == doctest::Approx(4));
  CHECK(d.relative == doctest::Approx(0.4));
  REQUIRE(d.layers.size() == 2);
  CHECK(d.layers[0].name == "a");
  CHECK(d.layers[0].absolute == 0);
  CHECK(d.layers[0].relative == 0);
  CHECK(d.layers[1].absolute == doctest::Approx(2));
  CHECK(d.layers[0].cosine == doctest::Approx(1));
  CHECK(std::isnan(d.layers[1].relative));  // of a reference of length 0: nothing to compare with
  CHECK(std::isnan(d.layers[1].cosine));
  auto other = std::make_shared<model::Layout>(*layout);
  other->parameters[0].name = "c";
  CHECK_THROWS_AS(parameter_distance(x, {other, y.values, {}}), std::invalid_argument);
}

TEST_CASE("distance: dMIA is 0.5 for a model like the reference, 1 for one that knows the members") {
  const auto members = of({0.6, 0.4, 0.7, 0.3, 0.5, 0.5}, {0, 0, 0});
  const auto others = of({0.6, 0.4, 0.8, 0.2}, {0, 0});
  CHECK(loss_difference(members, members, others, others).auc == 0.5);
  const auto known = of({0.9, 0.1, 0.95, 0.05, 0.9, 0.1}, {0, 0, 0});
  CHECK(loss_difference(members, known, others, others).auc == 1);
}

TEST_CASE("distances from or to a model without answers are not numbers, least of all between two such") {
  const double nan = std::nan("");
  const auto none = from_logits({nan, 0, 1, 0}, 2, {0, 1}), some = from_logits({1, 0, 1, 0}, 2, {0, 1});
  for (const auto& d :
       {output_distance(none, none), output_distance(none, some), output_distance(some, none)}) {
    CHECK(std::isnan(d.kl));
    CHECK(std::isnan(d.js));
    CHECK(std::isnan(d.agreement));
  }
  CHECK(output_distance(some, some).agreement == 1);
  const auto s = loss_difference(some, none, some, some);
  CHECK(std::isnan(s.auc));
  CHECK(std::isnan(s.tpr_at_1pct));
  CHECK_FALSE(s.holds(0.5));
}

TEST_CASE("backdoor: success, lift and true-label accuracy") {
  const auto clean = from_logits({0, 1, 0, 1, 1, 0, 0, 1}, 2, {1, 1, 1, 1});
  const auto triggered = from_logits({1, 0, 1, 0, 1, 0, 0, 1}, 2, {1, 1, 1, 1});
  const auto f = backdoor_figures(triggered, clean, data::TargetLabel{0});
  CHECK(f.success == 0.75);
  CHECK(f.clean == 0.25);
  CHECK(f.lift == doctest::Approx((0.75 - 0.25) / 0.75));
  CHECK(f.true_accuracy == 0.25);
  CHECK(backdoor_figures(clean, clean, data::TargetLabel{0}).lift == 0);
  const auto always = from_logits({1, 0, 1, 0}, 2, {1, 1});
  CHECK(std::isnan(
      backdoor_figures(always, always, data::TargetLabel{0}).lift));  // a trigger can add nothing there
  // Images of the target class would count as successes of any model.
  CHECK_THROWS_AS(backdoor_figures(triggered, clean, data::TargetLabel{1}), std::invalid_argument);
}
