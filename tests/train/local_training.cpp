#include "train/local_training.hpp"

#include "bench/plain_loop.hpp"
#include "engine/execute.hpp"
#include "metrics/evaluate_job.hpp"
#include "tests/engine/fixture.hpp"
#include "train/train_job.hpp"

using namespace afu;
using test::Lane;

namespace {

train::TrainJob job_for(const Lane& lane) {
  train::TrainJob job;
  job.sgd.lr = 0.05;
  job.base = lane.initial;
  job.samples = test::rows(0, 50);
  job.sgd.momentum = 0.9;
  job.sgd.weight_decay = 1e-3;
  job.epochs = 3;
  job.batch_size = 16;
  job.key = {1, base::purpose("train"), 4, 2};
  return job;
}

bool same(const torch::Tensor& a, const torch::Tensor& b) { return at::equal(a, b); }

}  // namespace

TEST_CASE("local training ends where a plain LibTorch loop ends") {
  for (const char* name : {"logreg", "mlp", "cnn_small"}) {
    CAPTURE(name);
    for (const char* optimiser : {"sgd", "adam", "adamw"}) {
      CAPTURE(optimiser);
      Lane lane(name);
      auto job = job_for(lane);
      if (optimiser != std::string("sgd")) {  // by the fused step; fifty steps
        job.sgd.lr = 1e-3;
        job.adam = engine::AdamSettings{0.9, 0.999, 1e-8, optimiser == std::string("adamw")};
        job.steps = 50;
      }
      const auto after = lane.plus(lane.initial, lane.run(job).outputs.at(0))->values;

      auto plain = model::make_model(test::network(name), test::tiny_shape);
      const auto& slots = lane.workspace->layout()->parameters;
      auto tensors = plain->named_parameters();
      for (std::size_t i = 0; i < slots.size(); ++i) {
        torch::NoGradGuard no_grad;
        tensors[i].second.copy_(
            lane.initial->values.narrow(0, slots[i].offset, slots[i].size).view(slots[i].shape));
      }
      const auto pool = engine::make_resident(lane.images, torch::kCPU);
      bench::train_plainly(*plain, pool->images.to(torch::kFloat32).div(255).sub(0.5).div(0.5), pool->labels,
                           job);
      std::vector<torch::Tensor> flat;
      for (auto& [tensor_name, t] : tensors) flat.push_back(t.detach().flatten());
      CHECK(test::largest(torch::cat(flat) - after) < 1e-5);
      CHECK(test::largest(after - lane.initial->values) > 1e-3);
    }
  }
}

TEST_CASE("a job's moments are its own: the next one of the lane begins with none") {
  Lane lane("cnn_small"), other("cnn_small");
  auto job = job_for(lane);
  job.adam = engine::AdamSettings{};
  const auto first = lane.run(job).outputs.at(0)->values;
  CHECK(same(lane.run(job).outputs.at(0)->values, first));
  CHECK(same(other.run(job).outputs.at(0)->values, first));
  job.adam.reset();
  CHECK_FALSE(same(lane.run(job).outputs.at(0)->values, first));
}

TEST_CASE("a balanced job has as many steps, sees its own samples alone, and is another one") {
  Lane lane("mlp");
  auto job = job_for(lane);
  const auto plain = lane.run(job);
  job.balanced = true;
  const auto balanced = lane.run(job);
  CHECK(balanced.samples == plain.samples);
  CHECK_FALSE(same(balanced.outputs.at(0)->values, plain.outputs.at(0)->values));
  CHECK(same(lane.run(job).outputs.at(0)->values, balanced.outputs.at(0)->values));
}

TEST_CASE("the result does not depend on the lane or on what it did before") {
  Lane a("cnn_small"), b("cnn_small");
  const auto job = job_for(a);
  auto other = job;
  other.samples = test::rows(60, 90);
  other.sgd.prox_mu = 0.1;
  b.run(other);
  const auto ra = a.run(job), rb = b.run(job), again = a.run(job);
  CHECK(same(ra.outputs[0]->values, rb.outputs[0]->values));
  CHECK(same(ra.outputs[0]->values, again.outputs[0]->values));
  CHECK(ra.figures == rb.figures);
  CHECK(ra.samples == 150);
  auto reordered = job;
  reordered.key.round = 3;
  CHECK_FALSE(same(ra.outputs[0]->values, a.run(reordered).outputs[0]->values));
}

TEST_CASE("training does not write to its base nor to an earlier result") {
  Lane lane;
  const auto before = lane.initial->values.clone();
  const auto first = lane.run(job_for(lane));
  const auto kept = first.outputs[0]->values.clone();
  lane.run(job_for(lane));
  CHECK(same(lane.initial->values, before));
  CHECK(same(first.outputs[0]->values, kept));
}

TEST_CASE("with lr 0 the difference is zero and the loss is the base's") {
  Lane lane;
  auto job = job_for(lane);
  job.sgd.lr = 0;
  const auto result = lane.run(job);
  CHECK(test::largest(result.outputs[0]->values) == 0);
  auto sets = std::make_shared<metrics::EvaluationSets>();
  sets->test = job.samples;
  const auto measured = lane.run(metrics::EvaluateJob{lane.initial, sets, 7});
  CHECK(result.figures.at("loss") == doctest::Approx(measured.figures.at("test_loss")).epsilon(1e-5));
}

TEST_CASE("training lowers the loss, and a proximal term keeps it nearer to the base") {
  Lane lane;
  auto job = job_for(lane);
  job.epochs = 1;
  const double first = lane.run(job).figures.at("loss");
  job.epochs = 20;
  const auto free = lane.run(job);
  CHECK(free.figures.at("loss") < 0.5 * first);
  job.sgd.prox_mu = 1;
  const auto held = lane.run(job);
  CHECK(held.outputs[0]->values.norm().item<double>() < 0.8 * free.outputs[0]->values.norm().item<double>());
}

TEST_CASE("steps override epochs") {
  Lane lane;
  auto job = job_for(lane);
  job.steps = 5;
  job.epochs = 100;
  CHECK(lane.run(job).samples == 16 + 16 + 16 + 2 + 16);
}

TEST_CASE("training updates the normalisation's statistics, evaluation does not") {
  Lane lane("resnet18", 24, test::small_shape);
  auto job = job_for(lane);
  job.samples = test::rows(0, 16);
  job.epochs = 1;
  const auto delta = lane.run(job).outputs[0];
  CHECK_FALSE(same(delta->buffers, lane.initial->buffers));
  const auto after = lane.plus(lane.initial, delta);
  auto sets = std::make_shared<metrics::EvaluationSets>();
  sets->test = test::rows(0, 16);
  lane.run(metrics::EvaluateJob{after, sets, 16});
  CHECK(same(lane.workspace->buffers(), after->buffers));
}

TEST_CASE("a training job that cannot run says why") {
  Lane lane;
  const auto error_of = [&](auto change) {
    auto job = job_for(lane);
    change(job);
    const auto result = engine::execute(*lane.workspace, job);
    CHECK(result.outputs.empty());
    return result.error;
  };
  CHECK(error_of([](auto& j) { j.samples = test::rows(0, 0); }) ==
        "train: there are no samples to compute on");
  CHECK(error_of([](auto& j) { j.samples = nullptr; }) == "train: there are no samples to compute on");
  CHECK(error_of([](auto& j) { j.samples = test::rows(110, 121); }) ==
        "train: sample 120 is outside the pool of 120");
  CHECK(error_of([](auto& j) { j.samples = test::rows(-1, 3); }) ==
        "train: sample -1 is outside the pool of 120");
  CHECK(error_of([](auto& j) { j.base = nullptr; }) == "train: there is no base version to train from");
  CHECK(error_of([](auto& j) { j.batch_size = 0; }) == "train: batch_size is 0, allowed is 1 or more");
  CHECK(error_of([](auto& j) { j.base = Lane("logreg").initial; }).find("this lane's model has") !=
        std::string::npos);
  CHECK(lane.run(job_for(lane)).samples == 150);  // and the lane goes on
}

TEST_CASE("what a client sends is scaled down to max_delta, and no further") {
  Lane lane("mlp");
  auto job = job_for(lane);
  const auto whole = lane.run(job).outputs.at(0)->values;
  const double length = whole.norm().item<double>();
  job.sgd.max_delta = length / 4;
  const auto shortened = lane.run(job);
  CHECK(shortened.figures.at("shortened") == 1);
  const auto clipped = shortened.outputs.at(0)->values;
  CHECK(clipped.norm().item<double>() == doctest::Approx(length / 4).epsilon(1e-5));
  CHECK(test::largest(clipped * 4 - whole) < 1e-5);
  job.sgd.max_delta = length * 2;
  const auto left = lane.run(job);
  CHECK(left.figures.count("shortened") == 0);
  CHECK(same(left.outputs.at(0)->values, whole));
}
