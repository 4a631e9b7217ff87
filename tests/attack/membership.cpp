#include "attack/membership.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>

#include "attack/logistic.hpp"

using namespace afu;
using namespace afu::attack;

namespace {

/// Two classes in turn; class y answers with its own logit drawn around `margin`.
Answers answers(std::size_t n, double margin, double noise, std::uint64_t actor) {
  base::Stream stream({9, base::purpose("test.answers"), actor, 0});
  std::vector<double> logits;
  std::vector<std::int64_t> labels;
  for (std::size_t i = 0; i < n; ++i) {
    const auto y = static_cast<std::int64_t>(i % 2);
    const double z = margin + noise * stream.normal();
    logits.push_back(y == 0 ? z : 0);
    logits.push_back(y == 1 ? z : 0);
    labels.push_back(y);
  }
  return from_logits(logits, 2, labels);
}

Figures all(const Suspects& s) {
  Figures f;
  const base::StreamKey key{1, 2, 3, 4};
  loss_attack(s, key, f);
  scrub_attack(s, key, f);
  classifier_attack("confidence", &confidence, s, f);
  classifier_attack("entropy", &negative_entropy, s, f);
  classifier_attack("modified_entropy", &negative_modified_entropy, s, f);
  class_threshold_attack(s, f);
  return f;
}

}  // namespace

TEST_CASE("answers: softmax, argmax and the scores, by hand") {
  const auto a = from_logits({0, std::log(3.0), std::log(2.0), 0}, 2, {1, 1});
  CHECK(a.of(0, 1) == doctest::Approx(0.75));
  CHECK(a.of(1, 1) == doctest::Approx(1.0 / 3));
  CHECK(a.predicted == std::vector<std::int64_t>{1, 0});
  CHECK(accuracy(a) == 0.5);
  CHECK(share_predicted(a, data::TargetLabel{0}) == 0.5);
  CHECK(negative_loss(a)[0] == doctest::Approx(std::log(0.75)));
  CHECK(confidence(a)[1] == doctest::Approx(1.0 / 3));
  CHECK(negative_entropy(a)[0] == doctest::Approx(0.75 * std::log(0.75) + 0.25 * std::log(0.25)));
  // (1 - p_y) log p_y + p_0 log(1 - p_0), with p_0 = 1 - p_y
  CHECK(negative_modified_entropy(a)[0] == doctest::Approx(0.25 * std::log(0.75) + 0.25 * std::log(0.75)));
  CHECK_THROWS_AS(from_logits({0, 1, 2}, 2, {0, 1}), std::invalid_argument);
  CHECK_THROWS_AS(from_logits({0, 1}, 2, {2}), std::invalid_argument);
}

TEST_CASE("answers: the modified entropy looks at one label a row") {
  // Public copies index whole columns: with two rows of different labels those differ.
  const auto a = from_logits({3, 0, 0, 3}, 2, {0, 1});
  const auto s = negative_modified_entropy(a);
  CHECK(s[0] == doctest::Approx(s[1]));
  const auto wrong = from_logits({3, 0, 0, 3}, 2, {1, 1});
  CHECK(negative_modified_entropy(wrong)[0] < s[0]);
  CHECK(negative_modified_entropy(wrong)[1] == doctest::Approx(s[1]));
}

TEST_CASE("answers: what a diverged model says is no answer, and no figure counts it as one") {
  const double nan = std::nan("");
  const auto a = from_logits({nan, 1, 0, 2, 1e308, -1e308}, 2, {0, 1, 0});
  CHECK(std::isnan(a.of(0, 0)));
  CHECK(a.predicted[0] == -1);
  CHECK_FALSE(a.finite());
  CHECK(std::isnan(share_predicted(a, data::TargetLabel{0})));
  CHECK(std::isnan(accuracy(a)));
  CHECK(a.of(2, 0) == 1);
  for (const auto& scores :
       {negative_modified_entropy(a), negative_entropy(a), negative_loss(a), confidence(a)}) {
    CHECK(std::isnan(scores[0]));
    CHECK(std::isfinite(scores[1]));
    CHECK(std::isfinite(scores[2]));
  }
}

TEST_CASE("membership: members that are perfectly separable are all found") {
  const Suspects s{answers(50, 9, 0.1, 1), answers(40, 0.5, 0.1, 2), answers(60, 9, 0.1, 3),
                   answers(60, 0.5, 0.1, 4)};
  const auto f = all(s);
  for (const char* name : {"loss", "confidence", "entropy", "modified_entropy", "class_confidence",
                           "class_entropy", "class_modified_entropy"}) {
    CAPTURE(name);
    CHECK(f.at(std::string(name) + ".auc") == 1);
    CHECK(f.at(std::string(name) + ".tpr_at_1pct") == 1);
    CHECK(f.at(std::string(name) + ".tpr_at_0.1pct") == 1);
  }
  for (const char* name : {"loss", "scrub", "class_confidence", "class_entropy", "class_modified_entropy"}) {
    CAPTURE(name);
    CHECK(f.at(std::string(name) + ".accuracy") == 1);
  }
  for (const char* name : {"confidence", "entropy", "modified_entropy"}) {
    CAPTURE(name);
    CHECK(f.at(std::string(name) + ".efficacy") == 0);  // nothing was forgotten
    CHECK(f.at(std::string(name) + ".efficacy_holdout") == 1);
  }
}

TEST_CASE("membership: exchangeable sets read chance") {
  const Suspects s{answers(400, 2, 1, 1), answers(400, 2, 1, 2), answers(400, 4, 1, 3),
                   answers(400, 2, 1, 4)};
  const auto f = all(s);
  for (const char* name : {"loss", "confidence", "entropy", "modified_entropy", "class_confidence",
                           "class_entropy", "class_modified_entropy"}) {
    CAPTURE(name);
    const std::string n(name);
    CHECK(std::abs(f.at(n + ".auc") - 0.5) <= 1.96 * f.at(n + ".auc_error"));
    CHECK(f.at(n + ".tpr_at_1pct") < 0.05);
  }
  CHECK(f.at("loss.accuracy") == doctest::Approx(0.5).epsilon(0.1));
  CHECK(f.at("scrub.accuracy") == doctest::Approx(0.5).epsilon(0.12));
  // Forgotten samples are taken for non-members as often as held-out ones.
  CHECK(f.at("confidence.efficacy") == doctest::Approx(f.at("confidence.efficacy_holdout")).epsilon(0.1));
  CHECK(f.at("confidence.efficacy") > 0.7);
}

TEST_CASE("membership: what lacks its sets reports nothing") {
  Suspects s{answers(20, 2, 1, 1), {}, answers(20, 2, 1, 2), answers(20, 2, 1, 3)};
  CHECK(all(s).empty());
  s.holdout = answers(20, 2, 1, 4);
  s.known_in = {};
  const auto f = all(s);
  CHECK(f.count("loss.auc") == 1);
  CHECK(f.count("confidence.auc") == 1);
  CHECK(f.count("confidence.efficacy") == 0);
  CHECK(f.count("class_confidence.auc") == 0);
}

TEST_CASE("membership: scrub matches classes and sizes") {
  const auto a = from_logits(std::vector<double>(14, 0.0), 2, {0, 0, 0, 0, 0, 1, 1});
  const auto b = from_logits(std::vector<double>(10, 0.0), 2, {0, 0, 1, 1, 1});
  const auto [of_a, of_b] = matched_rows(a, b, {1, 2, 3, 4});
  CHECK(of_a.size() == 4);
  CHECK(of_b.size() == 4);
  std::int64_t ones_a = 0, ones_b = 0;
  for (auto r : of_a) ones_a += a.labels[r];
  for (auto r : of_b) ones_b += b.labels[r];
  CHECK(ones_a == 2);
  CHECK(ones_b == 2);
}

TEST_CASE("membership: a class of its own threshold beats one for all") {
  // Class 0 is sure anyway, class 1 is not: members are surer than non-members of their own class only.
  const auto sample = [](double z0, double z1, std::size_t n) {
    std::vector<double> logits;
    std::vector<std::int64_t> labels;
    for (std::size_t i = 0; i < n; ++i) {
      const bool one = i % 2;
      logits.insert(logits.end(), {one ? 0 : z0, one ? z1 : 0});
      labels.push_back(one);
    }
    return from_logits(logits, 2, labels);
  };
  const auto in = sample(6, 2, 20), out = sample(5, 1, 20);
  Figures f;
  class_threshold_attack({in, out, in, out}, f);
  CHECK(f.at("class_confidence.accuracy") == 1);
  CHECK(f.at("class_confidence.auc") == 1);
  CHECK(separate(confidence(in), confidence(out)).auc == 0.75);
}

TEST_CASE("logistic: closed form and symmetry") {
  // Mirror images: no offset, and a slope that meets its own first-order condition.
  const std::vector<double> up{1, 2, 3}, down{-1, -2, -3};
  const auto m = fit_logistic(up, down);
  CHECK(m.offset == doctest::Approx(0).epsilon(1e-6));
  CHECK(m.slope > 0);
  const double scale = std::sqrt(14.0 / 3), w = m.slope * scale;  // of the standardised feature
  double gradient = w;
  for (double x : up) gradient -= 2 * (x / scale) * (1 - m(x));
  CHECK(gradient == doctest::Approx(0).epsilon(1e-6));
  const auto flat = fit_logistic({1, 1}, {1, 1, 1});
  CHECK(flat(1) == doctest::Approx(0.5));  // classes weigh the same
  CHECK_THROWS_AS(fit_logistic({}, {1}), std::invalid_argument);
}
