#include "metrics/evaluate.hpp"

#include <cmath>
#include <limits>

#include "engine/execute.hpp"
#include "metrics/auc.hpp"
#include "metrics/evaluate_job.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;
using test::Lane;

TEST_CASE("figures of hand-made logits") {
  const double nan = std::nan("");
  const auto logits = torch::tensor({2.0, 1.0, 0.0,  //
                                     0.0, 3.0, 1.0,  //
                                     5.0, 4.0, 0.0,  //
                                     0.0, 0.0, 9.0,  //
                                     nan, 0.0, 0.0})
                          .view({5, 3});
  const auto labels = torch::tensor({0, 1, 1, 0, 0}, torch::kInt64);
  const auto p = metrics::predictions_from(logits, labels);
  CHECK(p.predicted == std::vector<std::int64_t>{0, 1, 0, 2, -1});
  CHECK(p.losses[0] == doctest::Approx(std::log(1 + std::exp(-1.0) + std::exp(-2.0))));
  CHECK(p.losses[2] == doctest::Approx(std::log(std::exp(5.0) + std::exp(4.0) + 1) - 4));
  CHECK(std::isnan(p.losses[4]));
  CHECK_FALSE(p.finite());
  for (double figure : {metrics::accuracy(p), metrics::balanced_accuracy(p),
                        metrics::share_predicted(p, data::TargetLabel{0}), metrics::mean_loss(p)})
    CHECK(std::isnan(figure));  // a row without an answer is no wrong answer
  const auto q = metrics::predictions_from(logits.narrow(0, 0, 4), labels.narrow(0, 0, 4));
  CHECK(metrics::accuracy(q) == doctest::Approx(2.0 / 4));
  CHECK(metrics::balanced_accuracy(q) == doctest::Approx((1.0 / 2 + 1.0 / 2) / 2));  // class 2 does not occur
  CHECK(metrics::share_predicted(q, data::TargetLabel{0}) == doctest::Approx(2.0 / 4));
  // One infinite logit is enough: its softmax is a certainty that nothing stands behind.
  const auto infinite = torch::tensor({{0.0f, std::numeric_limits<float>::infinity()}});
  CHECK(metrics::predictions_from(infinite, labels.narrow(0, 0, 1)).predicted[0] == -1);
  CHECK_THROWS_AS(metrics::accuracy({}), std::invalid_argument);
  CHECK_THROWS_AS(metrics::balanced_accuracy({}), std::invalid_argument);
}

TEST_CASE("a model with a parameter that is not finite has no figures, and two of them none to compare") {
  Lane lane;
  auto sets = std::make_shared<metrics::EvaluationSets>();
  sets->test = test::rows(60, 120);
  sets->forget = test::rows(0, 30);
  sets->holdout = test::rows(30, 60);
  for (const float value : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    auto values = lane.initial->values.clone();
    values[values.numel() - 1].fill_(value);
    const auto broken = lane.workspace->wrap(values, lane.initial->buffers);
    CHECK_FALSE(model::is_finite(*broken));
    CHECK(lane.run(metrics::EvaluateJob{broken, sets, 13}).figures.empty());
  }
  CHECK(model::is_finite(*lane.initial));
  CHECK(lane.run(metrics::EvaluateJob{lane.initial, sets, 13}).figures.size() == 8);
}

TEST_CASE("an evaluation is what single predictions add up to") {
  Lane lane;
  const auto version = lane.trained(30);
  auto sets = std::make_shared<metrics::EvaluationSets>();
  sets->test = test::rows(60, 120);
  sets->forget = test::rows(0, 30);
  sets->retain = test::rows(10, 33);
  sets->holdout = test::rows(30, 60);
  sets->triggered = test::rows(70, 91);
  sets->backdoor_target.label = 1;
  const auto result = lane.run(metrics::EvaluateJob{version, sets, 13});

  const auto accuracy = [&](const data::IndicesPtr& rows) {
    return (lane.logits(version, rows).argmax(1) == lane.labels(rows))
        .to(torch::kFloat64)
        .mean()
        .item<double>();
  };
  const auto losses = [&](const data::IndicesPtr& rows) {
    const auto z = lane.logits(version, rows);
    const auto l = -z.log_softmax(1).gather(1, lane.labels(rows).unsqueeze(1)).squeeze(1).to(torch::kFloat64);
    return std::vector<double>(l.data_ptr<double>(), l.data_ptr<double>() + l.numel());
  };
  const auto& f = result.figures;
  CHECK(f.at("test_accuracy") == doctest::Approx(accuracy(sets->test)));
  CHECK(f.at("forget_accuracy") == doctest::Approx(accuracy(sets->forget)));
  CHECK(f.at("retain_accuracy") == doctest::Approx(accuracy(sets->retain)));
  CHECK(
      f.at("attack_success_rate") ==
      doctest::Approx(
          (lane.logits(version, sets->triggered).argmax(1) == 1).to(torch::kFloat64).mean().item<double>()));
  const auto predicted = lane.logits(version, sets->test).argmax(1), labels = lane.labels(sets->test);
  double recalls = 0;
  for (int c = 0; c < 3; ++c)
    recalls += predicted.masked_select(labels == c).eq(c).to(torch::kFloat64).mean().item<double>() / 3;
  CHECK(f.at("balanced_accuracy") == doctest::Approx(recalls));
  double sum = 0;
  for (double l : losses(sets->test)) sum += l;
  CHECK(f.at("test_loss") == doctest::Approx(sum / 60).epsilon(1e-5));
  // The area by counting pairs, class by class; the calibration error bin by bin.
  const auto p = lane.logits(version, sets->test).to(torch::kFloat64).softmax(1);
  double areas = 0;
  for (int c = 0; c < 3; ++c) {
    const auto own = p.select(1, c);
    const auto in = own.masked_select(labels == c), out = own.masked_select(labels != c);
    areas += (in.unsqueeze(1) > out.unsqueeze(0)).to(torch::kFloat64).mean().item<double>() / 3;
  }
  CHECK(f.at("test_auc") == doctest::Approx(areas).epsilon(1e-5));
  const auto confidence = std::get<0>(p.max(1)), right = (predicted == labels).to(torch::kFloat64);
  double gap = 0;
  for (int k = 0; k < 15; ++k) {
    const auto in = (confidence * 15 > k).logical_and(confidence * 15 <= k + 1);
    if (in.any().item<bool>())
      gap += std::abs((right - confidence).masked_select(in).sum().item<double>()) / 60;
  }
  CHECK(f.at("calibration_error") == doctest::Approx(gap).epsilon(1e-5));
  const auto wanted = torch::one_hot(labels, 3).to(torch::kFloat64);
  CHECK(f.at("brier_score") ==
        doctest::Approx((p - wanted).square().sum(1).mean().item<double>()).epsilon(1e-5));
  double wins = 0;  // members with the smaller loss
  for (double m : losses(sets->forget))
    for (double n : losses(sets->holdout)) wins += m < n ? 1 : m == n ? 0.5 : 0;
  CHECK(f.at("mia_auc") == doctest::Approx(wins / 900).epsilon(1e-3));
  CHECK(f.at("mia_auc") > 0.5);  // it was trained on the members
  CHECK(result.samples == 60 + 30 + 23 + 30 + 21);
  CHECK(f == lane.run(metrics::EvaluateJob{version, sets, 13}).figures);
}

TEST_CASE("each request's figures are those of its own rows, without another forward pass") {
  Lane lane;
  const auto version = lane.trained(60, 4);
  auto sets = std::make_shared<metrics::EvaluationSets>();
  sets->forget = test::rows(0, 60);
  sets->holdout = test::rows(60, 90);  // a request may be held against others than all of them are
  const auto odd = [](std::int64_t begin, std::int64_t end) {
    data::Indices r;
    for (auto i = begin + 1; i < end; i += 2) r.push_back(i);
    return std::make_shared<const data::Indices>(std::move(r));
  };
  sets->requests = {{test::rows(0, 20), test::rows(60, 70), true},
                    {odd(10, 60), odd(64, 100), false},  // overlaps the first
                    {test::rows(0, 60), test::rows(60, 100), false},
                    {test::rows(3, 4), test::rows(60, 60), false}};  // nothing to compare it with
  const auto result = lane.run(metrics::EvaluateJob{version, sets, 16});
  CHECK(result.samples == 60 + 40);
  const auto& f = result.figures;
  for (std::size_t i = 0; i < sets->requests.size(); ++i) {
    CAPTURE(i);
    const auto n = std::to_string(i);
    auto alone = std::make_shared<metrics::EvaluationSets>();
    alone->forget = sets->requests[i].forget;
    alone->holdout = sets->requests[i].holdout;
    const auto own = lane.run(metrics::EvaluateJob{version, alone, 16}).figures;
    CHECK(f.at("forget_accuracy." + n) == own.at("forget_accuracy"));
    CHECK(f.count("mia_auc." + n) == own.count("mia_auc"));
    if (own.count("mia_auc")) CHECK(f.at("mia_auc." + n) == doctest::Approx(own.at("mia_auc")).epsilon(1e-6));
  }
  CHECK(f.at("forget_accuracy.2") == f.at("forget_accuracy"));
  sets->requests.clear();
  CHECK(lane.run(metrics::EvaluateJob{version, sets, 16}).figures.at("mia_auc") == f.at("mia_auc"));
  CHECK(f.count("mia_auc.3") == 0);
  // Counted: of the single row it is right or wrong, of the union the mean of all.
  CHECK((f.at("forget_accuracy.3") == 0 || f.at("forget_accuracy.3") == 1));

  sets->requests = {{test::rows(50, 61), nullptr, false}};
  CHECK(engine::execute(*lane.workspace, metrics::EvaluateJob{version, sets, 16}).error ==
        "evaluate: row 60 of a part is in no set that is evaluated");
}

TEST_CASE(
    "a group's figures are those of its rows alone: of held-out samples, and of test images without another pass") {
  Lane lane;
  const auto version = lane.trained(60, 4);
  auto sets = std::make_shared<metrics::EvaluationSets>();
  sets->test = test::rows(60, 110);
  sets->groups = {{"holdout", 0, "", test::rows(30, 50)},
                  {"holdout", 1, "Leiden", test::rows(10, 24)},
                  {"test", 1, "Leiden", test::rows(64, 90)},
                  {"test", -1, "Gent", test::rows(90, 110)}};
  const auto result = lane.run(metrics::EvaluateJob{version, sets, 16});
  CHECK(result.samples == 50 + 34);
  const auto& f = result.figures;
  for (std::size_t g = 0; g < sets->groups.size(); ++g) {
    CAPTURE(g);
    auto alone = std::make_shared<metrics::EvaluationSets>();
    alone->test = sets->groups[g].rows;
    const auto own = lane.run(metrics::EvaluateJob{version, alone, 16}).figures;
    for (const auto& [group, test] : {std::pair{"group_accuracy.", "test_accuracy"},
                                      {"group_balanced_accuracy.", "balanced_accuracy"},
                                      {"group_auc.", "test_auc"},
                                      {"group_loss.", "test_loss"}}) {
      CAPTURE(group);
      CHECK(f.at(group + std::to_string(g)) == doctest::Approx(own.at(test)).epsilon(1e-6));
    }
  }
  // The figures of all are what they are without groups.
  auto without = std::make_shared<metrics::EvaluationSets>();
  without->test = sets->test;
  for (const auto& [name, value] : lane.run(metrics::EvaluateJob{version, without, 16}).figures)
    CHECK(f.at(name) == value);
  sets->groups[2].rows = test::rows(59, 62);
  CHECK(engine::execute(*lane.workspace, metrics::EvaluateJob{version, sets, 16}).error ==
        "evaluate: row 59 of a part is in no set that is evaluated");
}

TEST_CASE("a figure whose set is missing is absent") {
  Lane lane;
  auto sets = std::make_shared<metrics::EvaluationSets>();
  CHECK(lane.run(metrics::EvaluateJob{lane.initial, sets, 16}).figures.empty());
  sets->holdout = test::rows(0, 5);
  sets->triggered = test::rows(0, 5);  // without a label of the backdoor
  sets->test = test::rows(0, 0);
  CHECK(lane.run(metrics::EvaluateJob{lane.initial, sets, 16}).figures.empty());
  sets->forget = test::rows(5, 9);
  sets->backdoor_target.label = 0;
  const auto figures = lane.run(metrics::EvaluateJob{lane.initial, sets, 16}).figures;
  CHECK(figures.size() == 3);
  CHECK(figures.count("mia_auc") == 1);
}

TEST_CASE("an evaluation that cannot run says why") {
  Lane lane;
  auto sets = std::make_shared<metrics::EvaluationSets>();
  sets->test = test::rows(0, 200);
  CHECK(engine::execute(*lane.workspace, metrics::EvaluateJob{lane.initial, sets, 16}).error ==
        "evaluate: sample 120 is outside the pool of 120");
  CHECK(engine::execute(*lane.workspace, metrics::EvaluateJob{nullptr, sets, 16}).error ==
        "evaluate: there is no version to evaluate");
  CHECK(engine::execute(*lane.workspace, metrics::EvaluateJob{lane.initial, nullptr, 16}).error ==
        "evaluate: there are no sets to evaluate on");
}
