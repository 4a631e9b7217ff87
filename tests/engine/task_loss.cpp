// Images with any number of labels: what a lane trains and answers with.
#include "engine/task_loss.hpp"

#include <algorithm>
#include <cmath>

#include "engine/batched_clients.hpp"
#include "engine/fused/program.hpp"
#include "engine/graph/step.hpp"
#include "metrics/evaluate_job.hpp"
#include "model/network.hpp"
#include "tests/engine/sets_fixture.hpp"
#include "train/batched_training.hpp"
#include "train/local_training.hpp"
#include "train/schedule.hpp"

using namespace afu;
using test::SetsLane;

namespace {

train::TrainJob job_for(const SetsLane& lane) {
  train::TrainJob job;
  job.sgd.lr = 0.05;
  job.sgd.momentum = 0.9;
  job.base = lane.initial;
  job.samples = test::rows(0, 50);
  job.epochs = 3;
  job.batch_size = 16;
  job.key = {1, base::purpose("train"), 4, 2};
  return job;
}

}  // namespace

TEST_CASE("the loss of sets is BCEWithLogitsLoss; of classes the cross entropy, to the bit") {
  const auto z = torch::tensor({30.0f, -2.0f, 0.5f, -40.0f}).view({2, 2});
  const auto y = torch::tensor({0, 1, 1, 0}, torch::kUInt8).view({2, 2});
  const auto each = [](double logit, double label) {
    return std::max(logit, 0.0) - logit * label + std::log1p(std::exp(-std::abs(logit)));
  };
  const double first = (each(30, 0) + each(-2, 1)) / 2, second = (each(0.5, 1) + each(-40, 0)) / 2;
  CHECK(engine::task_losses(z, y)[0].item<double>() == doctest::Approx(first));
  CHECK(engine::task_losses(z, y)[1].item<double>() == doctest::Approx(second));
  CHECK(engine::task_loss(z, y).item<double>() == doctest::Approx((first + second) / 2));
  CHECK(engine::task_loss_sum(z, y).item<double>() == doctest::Approx(first + second));
  const auto classes = torch::tensor({1, 0}, torch::kInt64);
  CHECK(at::equal(engine::task_loss(z, classes), at::cross_entropy_loss(z, classes)));
  // What was written for classes alone cannot take sets for classes.
  CHECK_THROWS(at::cross_entropy_loss(z, y));
}

TEST_CASE("labels as the data have them, and back") {
  const auto y = torch::tensor({0, 1, 1, 1, 0, 0}, torch::kUInt8).view({2, 3});
  CHECK(engine::label_values(y) == std::vector<std::int64_t>{0b110, 0b001});
  CHECK(engine::label_values(torch::tensor({4, 2}, torch::kInt64)) == std::vector<std::int64_t>{4, 2});
  CHECK(engine::predicted_sets(torch::tensor({-1.0f, 2.0f, 0.0f}).view({1, 3})) ==
        std::vector<std::int64_t>{0b010});
  SetsLane lane;
  const auto batch = lane.workspace->gather(lane.workspace->upload({5, 3, 5}), 0, 3);
  REQUIRE(batch.labels.sizes() == at::IntArrayRef({3, 3}));
  CHECK(engine::label_values(batch.labels) ==
        std::vector<std::int64_t>{lane.images->labels[5], lane.images->labels[3], lane.images->labels[5]});
}

TEST_CASE("log probabilities of sets are those of two classes a label") {
  const auto z = torch::tensor({1.5, -0.5}, torch::kFloat64).view({1, 2});
  const auto log_p = engine::log_probabilities(z, true);
  REQUIRE(log_p.sizes() == at::IntArrayRef({1, 2, 2}));
  const auto two = torch::stack({z, torch::zeros_like(z)}, 2).log_softmax(2);
  CHECK(test::largest(log_p - two) < 1e-12);
  const auto own = engine::log_probabilities_of(z, torch::tensor({1, 0}, torch::kUInt8).view({1, 2}));
  CHECK(own[0][0].item<double>() == doctest::Approx(two[0][0][0].item<double>()));
  CHECK(own[0][1].item<double>() == doctest::Approx(two[0][1][1].item<double>()));
}

TEST_CASE("the fused step's loss and gradient of sets are autograd's, on every kernel, with either sign") {
  for (const std::string name : {"logreg", "mlp", "cnn_small"})
    for (const std::int64_t batch : {1, 5, 16, 37}) {
      CAPTURE(name);
      CAPTURE(batch);
      SetsLane lane(name, config::StepEngine::autograd);
      auto& net = dynamic_cast<model::Network&>(lane.workspace->net());
      const auto rows = lane.workspace->gather(lane.workspace->upload(*test::rows(0, batch)));
      lane.workspace->load(*lane.initial);
      auto& gradients = lane.workspace->gradients();
      gradients.zero_();
      const auto loss = engine::task_loss(net.forward(rows.images), rows.labels);
      loss.backward();
      const auto expected = gradients.clone();
      int count = 0;
      const auto* const* variants = device::cpu::all_kernels(count);
      for (int i = 0; i < count; ++i)
        for (const double sign : {1.0, -1.0}) {
          engine::fused::Program program(
              engine::fused::make_plan(net.layers(), net.shape(), *lane.workspace->layout()), *variants[i]);
          auto own = torch::zeros_like(expected);
          CHECK(program.cross_entropy_gradient(lane.workspace->parameters(), rows.images, rows.labels, sign,
                                               own) == doctest::Approx(loss.item<double>()).epsilon(1e-5));
          CHECK(test::largest(own - expected * sign) < 1e-4 * test::largest(expected) + 1e-7);
        }
    }
}

TEST_CASE("training on sets by any engine ends at the same weights, and learns") {
  for (const std::string name : {"mlp", "cnn_small"}) {
    CAPTURE(name);
    SetsLane fused(name), plain(name, config::StepEngine::autograd);
    REQUIRE(fused.workspace->fused());
    REQUIRE_FALSE(plain.workspace->fused());
    const auto expected = plain.run(job_for(plain)), own = fused.run(job_for(fused));
    const auto& w = expected.outputs.at(0)->values;
    CHECK(test::largest(own.outputs.at(0)->values - w) < 1e-3 * test::largest(w));
    CHECK(own.figures.at("loss") == doctest::Approx(expected.figures.at("loss")).epsilon(1e-3));

    engine::graph::Step step(*plain.workspace, engine::graph::make_repeater());
    const auto job = job_for(plain);
    const auto recorded =
        train::train_recorded(*plain.workspace, step, job,
                              train::Schedule(job.samples, job.batch_size, job.epochs, job.steps, job.key));
    CHECK(test::largest(recorded.outputs.at(0)->values - w) < 1e-3 * test::largest(w));
    CHECK(recorded.figures.at("loss") == doctest::Approx(expected.figures.at("loss")).epsilon(1e-3));
    CHECK_THROWS_AS(
        engine::graph::Step(*plain.workspace, engine::graph::make_repeater(), &engine::graph::host_pieces()),
        std::invalid_argument);
  }
  SetsLane lane;
  auto sets = std::make_shared<metrics::EvaluationSets>();
  sets->test = test::rows(60, 120);
  sets->forget = test::rows(0, 30);
  sets->holdout = test::rows(30, 60);
  sets->triggered = test::rows(70, 91);
  sets->backdoor_target = {1, 0, true};
  const auto before = lane.run(metrics::EvaluateJob{lane.initial, sets, 13}).figures;
  const auto after = lane.run(metrics::EvaluateJob{lane.trained(60), sets, 13}).figures;
  CHECK(after.at("test_auc") > 0.95);
  CHECK(after.at("test_accuracy") > before.at("test_accuracy"));
  CHECK(after.at("test_loss") < before.at("test_loss"));
  CHECK(after.count("attack_success_rate") == 1);
  CHECK(after.count("mia_auc") == 1);
}

TEST_CASE("clients stepped together on sets end where one after the other does") {
  SetsLane lane("mlp", config::StepEngine::autograd);
  std::vector<train::TrainJob> jobs(3, job_for(lane));
  jobs[1].samples = test::rows(50, 90);
  jobs[2].key.actor = 9;
  train::BatchedTraining together;
  const auto results = together.train(*lane.workspace, {&jobs[0], &jobs[1], &jobs[2]});
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const auto alone = lane.run(jobs[i]);
    const auto& w = alone.outputs.at(0)->values;
    CHECK(test::largest(results[i].outputs.at(0)->values - w) < 1e-3 * test::largest(w));
    CHECK(results[i].figures.at("loss") == doctest::Approx(alone.figures.at("loss")).epsilon(1e-3));
  }
}
