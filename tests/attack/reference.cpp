#include "attack/reference.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>

using namespace afu::attack;

namespace {
double logistic(double phi) { return 1 / (1 + std::exp(-phi)); }
std::vector<double> probabilities(const std::vector<double>& phi) {
  std::vector<double> p;
  for (double v : phi) p.push_back(logistic(v));
  return p;
}
}  // namespace

TEST_CASE("lira: mean and pooled deviation over the references, in closed form") {
  CHECK(logit_confidence(0.5) == 0);
  CHECK(logit_confidence(1) == doctest::Approx(std::log(1e6 - 1)));
  // phi of two references: (0, 2) and (1, 3) -> means (0.5, 2.5), variances 0.5 each.
  const Referenced r{probabilities({3.5, 2.5}), {probabilities({0, 2}), probabilities({1, 3})}};
  const auto s = lira_scores(r);
  CHECK(s[0] == doctest::Approx(3 / std::sqrt(0.5)));
  CHECK(s[1] == doctest::Approx(0).epsilon(1e-9));
}

TEST_CASE("lira: each sample its own deviation from sixteen references on") {
  Referenced r{probabilities({2, 2}), {}};
  for (int i = 0; i < 16; ++i)
    r.references.push_back(probabilities({i % 2 ? 1.0 : -1.0, i % 2 ? 3.0 : -3.0}));
  const auto s = lira_scores(r);
  CHECK(s[0] == doctest::Approx(2 / std::sqrt(16.0 / 15)));
  CHECK(s[1] == doctest::Approx(2 / std::sqrt(9 * 16.0 / 15)));
  r.references.pop_back();
  CHECK(lira_scores(r)[0] > lira_scores(r)[1] - 0.2);  // pooled: nearly equal
}

TEST_CASE("lira: one reference is a difference of logits") {
  const auto s = lira_scores({probabilities({2, 0}), {probabilities({1, 1})}});
  CHECK(s[0] == doctest::Approx(1));
  CHECK(s[1] == doctest::Approx(-1));
  CHECK_THROWS_AS(lira_scores({{0.5}, {}}), std::invalid_argument);
  CHECK_THROWS_AS(lira_scores({{0.5}, {{0.5, 0.5}}}), std::invalid_argument);
}

TEST_CASE("rmia: the share of the population that is less likely, in closed form") {
  // a = 1: p(x) is the references' mean. Ratios of the population: 0.5, 1, 2; of x: 0.6 / 0.4 = 1.5.
  const Referenced population{{0.2, 0.4, 0.8}, {{0.4, 0.4, 0.4}}};
  const auto s = rmia_scores({{0.6}, {{0.3}, {0.5}}}, population, 1);
  CHECK(s[0] == doctest::Approx(2.0 / 3));
  // a = 0: p(x) = (mean + 1) / 2 = 0.7, ratio 0.857; of the population 0.2 / 0.7, 0.4 / 0.7, 0.8 / 0.7.
  CHECK(rmia_scores({{0.6}, {{0.4}}}, population, 0)[0] == doctest::Approx(2.0 / 3));
  // An equal ratio is not larger.
  CHECK(rmia_scores({{0.4}, {{0.4}}}, population, 1)[0] == doctest::Approx(1.0 / 3));
  CHECK_THROWS_AS(rmia_scores({{0.6}, {{0.4}}}, {{}, {{}}}, 1), std::invalid_argument);
  // A reference model without an answer makes no ratio, and no likelihood.
  const double nan = std::nan("");
  CHECK(std::isnan(rmia_scores({{0.6}, {{nan}}}, {{0.5}, {{0.5}}}, 1)[0]));
  CHECK(std::isnan(rmia_scores({{0.6}, {{0.4}}}, {{0.5}, {{nan}}}, 1)[0]));
  CHECK(std::isnan(lira_scores({{0.6, 0.5}, {{nan, 0.5}}})[0]));
}

TEST_CASE("lira and rmia: separable members are found, those that references explain are not") {
  afu::base::Stream stream({3, afu::base::purpose("test.reference"), 0, 0});
  const auto make = [&](std::size_t n, double gain) {
    Referenced r{{}, std::vector<std::vector<double>>(4)};
    for (std::size_t i = 0; i < n; ++i) {
      const double ease = 2 * stream.normal();  // how easy the sample is for anybody
      r.model.push_back(logistic(ease + gain + 0.1 * stream.normal()));
      for (auto& reference : r.references) reference.push_back(logistic(ease + 0.1 * stream.normal()));
    }
    return r;
  };
  const auto members = make(200, 3), others = make(200, 0), forgotten = make(200, 0),
             population = make(200, 0);
  CHECK(separate(lira_scores(members), lira_scores(others)).auc > 0.999);
  CHECK(separate(lira_scores(forgotten), lira_scores(others)).holds(0.5));
  CHECK(separate(rmia_scores(members, population, 0.3), rmia_scores(others, population, 0.3)).auc > 0.9);
  CHECK(separate(rmia_scores(forgotten, population, 0.3), rmia_scores(others, population, 0.3)).holds(0.5));
  // The loss alone cannot tell how easy a sample is.
  CHECK(separate(members.model, others.model).auc < 0.95);
}
