// Figures of images with any number of labels.
#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/task_loss.hpp"
#include "metrics/classification.hpp"
#include "metrics/evaluate.hpp"
#include "metrics/sets.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;

namespace {

const double inf = std::numeric_limits<double>::infinity();

/// Four samples, three labels; nobody has the last one.
const torch::Tensor logits = torch::tensor({2.0, -1.0, -3.0,  //
                                            -2.0, 0.5, -3.0,  //
                                            1.0, 1.5, 0.25,   //
                                            -0.5, -2.0, -4.0})
                                 .view({4, 3});
const torch::Tensor labels = torch::tensor({1, 0, 0,  //
                                            0, 1, 0,  //
                                            0, 1, 0,  //
                                            1, 0, 0},
                                           torch::kUInt8)
                                 .view({4, 3});

double sigma(double z) { return 1 / (1 + std::exp(-z)); }

}  // namespace

TEST_CASE("label sets: what is said of each, and its loss, which is MedMNIST's") {
  const auto p = metrics::predictions_from(logits, labels, metrics::Wanted::probabilities);
  CHECK(p.label_bits == 3);
  CHECK(p.labels == std::vector<std::int64_t>{0b001, 0b010, 0b010, 0b001});
  CHECK(p.predicted == std::vector<std::int64_t>{0b001, 0b010, 0b111, 0b000});
  CHECK(p.losses[0] == doctest::Approx(-(std::log(sigma(2)) + std::log(sigma(1)) + std::log(sigma(3))) / 3));
  CHECK(metrics::mean_loss(p) == doctest::Approx(engine::task_loss(logits, labels).item<double>()));
  CHECK(p.probabilities[4] == doctest::Approx(sigma(0.5)));
}

TEST_CASE("label sets: figures are means over labels, and a label of one value has no AUC") {
  const auto p = metrics::predictions_from(logits, labels, metrics::Wanted::probabilities);
  CHECK(metrics::accuracy(p) == doctest::Approx((2.0 / 4 + 4.0 / 4 + 3.0 / 4) / 3));
  // Label 0: scores 2 and -0.5 against -2 and 1: three pairs of four are in order. Label 1: all.
  CHECK(metrics::area(p) == doctest::Approx((3.0 / 4 + 1) / 2));
  CHECK(metrics::labels_of_one_value(p.labels, 3) == std::vector<std::int64_t>{2});
  CHECK(metrics::balanced_accuracy(p) == doctest::Approx((0.5 + 1.0) / 2));
  double brier = 0, gaps[15]{};
  for (int i = 0; i < 4; ++i)
    for (int l = 0; l < 3; ++l) {
      const double q = sigma(logits[i][l].item<double>()), y = labels[i][l].item<int>();
      brier += (q - y) * (q - y) / 12;
      const double confidence = std::max(q, 1 - q);
      gaps[static_cast<int>(std::ceil(confidence * 15)) - 1] += ((q > 0.5) == (y > 0.5) ? 1 : 0) - confidence;
    }
  double error = 0;
  for (double g : gaps) error += std::abs(g) / 12;
  CHECK(metrics::brier_score(p) == doctest::Approx(brier));
  CHECK(metrics::calibration_error(p) == doctest::Approx(error));
  const data::TargetLabel target{1, 0, true};
  CHECK(metrics::share_predicted(p, target) == doctest::Approx(2.0 / 4));
}

TEST_CASE("label sets: a logit that is no number is no answer") {
  auto broken = logits.clone();
  broken[1][2].fill_(inf);
  const auto p = metrics::predictions_from(broken, labels, metrics::Wanted::probabilities);
  CHECK(p.predicted[1] == -1);
  CHECK_FALSE(p.finite());
  for (double figure : {metrics::accuracy(p), metrics::balanced_accuracy(p), metrics::area(p),
                        metrics::brier_score(p), metrics::calibration_error(p)})
    CHECK(std::isnan(figure));
}

TEST_CASE("label sets: what a constant answer scores stands beside a set") {
  data::FederatedData d;
  auto pool = std::make_shared<data::Images>();
  pool->labels = {0b01, 0b01, 0b01, 0b10};
  pool->label_bits = 2;
  d.pool = pool;
  d.class_names = {"a", "b"};
  const auto s = metrics::set_labels(d, test::rows(0, 4));
  REQUIRE(s);
  CHECK(s->labels == 2);
  CHECK(s->classes == 2);
  CHECK(s->majority_share == doctest::Approx(0.75));
  CHECK(s->entropy == doctest::Approx(-(0.75 * std::log(0.75) + 0.25 * std::log(0.25))));
  CHECK(record::to_string(*s) == "4 samples with 2 labels or not, the more frequent answer 75.0 %");
}
