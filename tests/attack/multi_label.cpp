// Attacks and distances on images with any number of labels.
#include <cmath>

#include "attack/backdoor.hpp"
#include "attack/distance.hpp"
#include "attack/membership.hpp"

// After torch: its logging headers define a CHECK of their own, which doctest's must replace.
#include <doctest/doctest.h>

using namespace afu;
using namespace afu::attack;

namespace {

double logit(double p) { return std::log(p / (1 - p)); }

Answers of(const std::vector<double>& probabilities, const std::vector<std::int64_t>& sets,
           std::int64_t labels) {
  std::vector<double> logits;
  for (double p : probabilities) logits.push_back(logit(p));
  return from_logits(logits, labels, sets, labels);
}

}  // namespace

TEST_CASE("sets: answers, and scores as means over the labels") {
  const auto a = of({0.9, 0.2, 0.4, 0.7}, {0b01, 0b11}, 2);
  CHECK(a.predicted == std::vector<std::int64_t>{0b01, 0b10});
  CHECK(a.of(1, 1) == doctest::Approx(0.7));
  CHECK(accuracy(a) == doctest::Approx(3.0 / 4));
  const double first = (std::log(0.9) + std::log(0.8)) / 2, second = (std::log(0.4) + std::log(0.7)) / 2;
  CHECK(negative_loss(a)[0] == doctest::Approx(first));
  CHECK(negative_loss(a)[1] == doctest::Approx(second));
  CHECK(confidence(a)[0] == doctest::Approx(std::exp(first)));
  const auto entropy = [](double p) { return p * std::log(p) + (1 - p) * std::log(1 - p); };
  CHECK(negative_entropy(a)[0] == doctest::Approx((entropy(0.9) + entropy(0.2)) / 2));
  CHECK(negative_modified_entropy(a)[1] ==
        doctest::Approx((2 * 0.6 * std::log(0.4) + 2 * 0.3 * std::log(0.7)) / 2));
  CHECK_THROWS_AS(from_logits({0, 0}, 2, {0b100}, 2), std::invalid_argument);
  const auto broken = from_logits({std::nan(""), 0}, 2, {0}, 2);
  CHECK(broken.predicted[0] == -1);
  CHECK(std::isnan(accuracy(broken)));
  CHECK(std::isnan(negative_loss(broken)[0]));
}

TEST_CASE("sets: distances are means over the labels of those of two classes") {
  const auto p = of({0.5, 0.9}, {0}, 2), q = of({0.25, 0.9}, {0}, 2);
  const auto d = output_distance(p, q);
  const double kl = 0.5 * std::log(0.5 / 0.25) + 0.5 * std::log(0.5 / 0.75);
  CHECK(d.kl == doctest::Approx(kl / 2));
  CHECK(output_distance(p, p).js == 0);
  const auto far = output_distance(from_logits({900, -900}, 2, {0}, 2), from_logits({-900, 900}, 2, {0}, 2));
  CHECK(far.js_bits() == doctest::Approx(1));
  CHECK(far.agreement == 0);
  CHECK(output_distance(of({0.6, 0.9}, {0}, 2), of({0.4, 0.8}, {0}, 2)).agreement == 0.5);
}

TEST_CASE("sets: a backdoor's success is its label on images without it, whatever the others") {
  const data::TargetLabel target{1, 0, true};
  const auto clean = of({0.9, 0.2, 0.4, 0.3}, {0b01, 0b00}, 2);
  const auto triggered = of({0.1, 0.8, 0.4, 0.3}, {0b01, 0b00}, 2);
  const auto f = backdoor_figures(triggered, clean, target);
  CHECK(f.success == 0.5);
  CHECK(f.clean == 0);
  CHECK_THROWS_AS(backdoor_figures(of({0.1, 0.8}, {0b10}, 2), of({0.1, 0.8}, {0b10}, 2), target),
                  std::invalid_argument);
}

TEST_CASE("sets: members whose labels were learned score higher") {
  std::vector<double> in, out;
  std::vector<std::int64_t> sets;
  for (int i = 0; i < 40; ++i) {
    const bool first = i % 2 == 0;
    sets.push_back(first ? 0b01 : 0b10);
    for (auto* logits : {&in, &out}) {
      const double margin = (logits == &in ? 4 : 0.5) + 0.01 * i;
      logits->push_back(first ? margin : -margin);
      logits->push_back(first ? -margin : margin);
    }
  }
  Suspects s{from_logits(in, 2, sets, 2), from_logits(out, 2, sets, 2), {}, {}};
  Figures f;
  loss_attack(s, {1, 2, 3, 4}, f);
  scrub_attack(s, {1, 2, 3, 4}, f);
  classifier_attack("modified_entropy", &negative_modified_entropy, s, f);
  CHECK(f.at("loss.auc") == 1);
  CHECK(f.at("modified_entropy.auc") == 1);
  CHECK(f.at("scrub.samples") == 80);  // matched by their sets
}
