#include "engine/step_engine.hpp"

#include "engine/graph/pieces.hpp"

#include "engine/execute.hpp"
#include "metrics/evaluate_job.hpp"
#include "tests/engine/fixture.hpp"
#include "train/local_training.hpp"
#include "train/train_job.hpp"

using namespace afu;

namespace {

engine::StepChoice choice(const std::string& model, const std::string& wanted = "auto",
                          torch::Device device = torch::kCPU) {
  auto net = model::make_model(test::network(model), {1, 28, 28, 3});
  return engine::choose_step(*net, *model::make_layout(*net), device,
                             config::named<config::StepEngine>(wanted, "wanted"));
}

std::unique_ptr<engine::Workspace> workspace(const test::Lane& lane, const std::string& step) {
  return std::make_unique<engine::Workspace>(model::make_model(test::network("cnn_small"), test::tiny_shape),
                                             engine::make_resident(lane.images, torch::kCPU), torch::kCPU,
                                             config::named<config::StepEngine>(step, "step"));
}

}  // namespace

TEST_CASE("networks of plain layers take the fused step on the CPU, all else autograd, with a reason") {
  for (const char* name : {"cnn", "cnn_small", "lenet", "cnn_mnist", "mlp", "logreg"}) {
    CAPTURE(name);
    CHECK(choice(name).plan);
    CHECK(choice(name).reason.find("fused (") == 0);
    CHECK(choice(name).engine() == std::string("fused"));
    CHECK_FALSE(choice(name, "autograd").plan);
  }
  CHECK(choice("cnn", "autograd").reason == "autograd: compute.step says so");
  CHECK(choice("resnet18").reason == "autograd: bn1 is a BatchNorm");
  CHECK_FALSE(choice("resnet18").plan);
  CHECK(choice("resnet18").engine() == std::string("autograd"));
  const auto on_gpu = choice("cnn", "auto", torch::Device("cuda:0"));
#ifdef AFU_CUDA
  CHECK(on_gpu.recorded);
  CHECK(on_gpu.reason == "graph: autograd recorded in CUDA graphs");
  CHECK_FALSE(on_gpu.by_hand);
  CHECK(on_gpu.engine() == std::string("graph"));
  if (engine::graph::cuda_pieces()) {
    const auto by_hand = choice("cnn", "kernels", torch::Device("cuda:0"));
    CHECK(by_hand.recorded);
    CHECK(by_hand.by_hand);
    CHECK(by_hand.engine() == std::string("kernels"));
    CHECK_THROWS_WITH_AS(
        choice("resnet18", "kernels", torch::Device("cuda:0")),
        "compute.step is \"kernels\", which this model or device does not allow: bn1 is a BatchNorm",
        std::invalid_argument);
  }
  CHECK(choice("resnet18", "graph", torch::Device("cuda:0")).recorded);
  CHECK_FALSE(choice("cnn", "autograd", torch::Device("cuda:0")).recorded);
#else
  CHECK(on_gpu.reason == "autograd: this afu is built without CUDA");
#endif
  CHECK_FALSE(on_gpu.plan);
}

TEST_CASE("an engine that cannot be had is refused") {
  CHECK_THROWS_WITH_AS(
      choice("resnet18", "fused"),
      "compute.step is \"fused\", which this model or device does not allow: bn1 is a BatchNorm",
      std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      choice("cnn", "graph"),
      "compute.step is \"graph\", which this model or device does not allow: the device is cpu",
      std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      choice("cnn", "fused", torch::Device("cuda:0")),
      "compute.step is \"fused\", which this model or device does not allow: the device is cuda:0",
      std::invalid_argument);
}

TEST_CASE("both engines train and measure alike, and take the gradient of any loss") {
  test::Lane lane("cnn_small");
  train::TrainJob job;
  job.sgd.lr = 0.05;
  job.base = lane.initial;
  job.samples = test::rows(0, 50);
  job.epochs = 2;
  job.batch_size = 16;
  auto sets = std::make_shared<metrics::EvaluationSets>();
  sets->test = test::rows(0, 120);
  const auto fused = workspace(lane, "fused"), autograd = workspace(lane, "autograd");
  CHECK(fused->fused() != nullptr);
  CHECK(autograd->fused() == nullptr);

  const auto a = engine::execute(*fused, job), b = engine::execute(*autograd, job);
  REQUIRE(a.error + b.error == "");
  CHECK(test::largest(a.outputs.at(0)->values - b.outputs.at(0)->values) < 1e-5);
  CHECK(a.figures.at("loss") == doctest::Approx(b.figures.at("loss")).epsilon(1e-5));
  const metrics::EvaluateJob measure{lane.initial, sets, 50};
  CHECK(engine::execute(*fused, measure).figures.at("test_loss") ==
        doctest::Approx(engine::execute(*autograd, measure).figures.at("test_loss")).epsilon(1e-5));

  const auto gradient = [](engine::Workspace& w) {
    const auto images = w.gather(w.upload(*test::rows(0, 40)), 0, 40).images;
    w.gradients().fill_(1);
    train::loss_gradient(w, images, [](const torch::Tensor& logits) { return logits.square().sum(); });
    return w.gradients() - 1;
  };
  fused->load(*lane.initial);
  autograd->load(*lane.initial);
  const auto expected = gradient(*autograd);
  CHECK(test::largest(gradient(*fused) - expected) < 1e-4 * test::largest(expected));
}
