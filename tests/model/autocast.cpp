#include "model/autocast.hpp"

#include "engine/execute.hpp"
#include "tests/engine/fixture.hpp"
#include "train/train_job.hpp"

using namespace afu;

namespace {

std::unique_ptr<engine::Workspace> workspace(const test::Lane& lane, const std::string& name,
                                             const model::InputShape& shape, const std::string& precision,
                                             const std::string& step = "autograd") {
  return std::make_unique<engine::Workspace>(model::make_model(test::network(name), shape),
                                             engine::make_resident(lane.images, torch::kCPU), torch::kCPU,
                                             config::named<config::StepEngine>(step, "step"),
                                             config::named<config::Precision>(precision, "precision"));
}

}  // namespace

TEST_CASE("bf16 forward passes round, and all that they return is fp32") {
  for (const char* name : {"cnn_small", "resnet18", "mlp"}) {
    CAPTURE(name);
    const test::Lane lane(name, 40, test::small_shape);
    const auto exact = workspace(lane, name, test::small_shape, "fp32");
    const auto rough = workspace(lane, name, test::small_shape, "bf16");
    const auto batch = exact->gather(exact->upload(*test::rows(0, 20)));
    for (auto* w : {exact.get(), rough.get()}) {
      w->load(*lane.initial);
      w->net().train(false);
    }
    const auto a = exact->forward(batch.images), b = rough->forward(batch.images);
    CHECK((b.scalar_type() == torch::kFloat32));
    CHECK((rough->net().features(batch.images).scalar_type() == torch::kFloat32));
    CHECK_FALSE(at::equal(a, b));
    CHECK(test::largest(a - b) < 0.05 * (1 + test::largest(a)));

    const auto loss = at::cross_entropy_loss(rough->net().forward(batch.images), batch.labels);
    CHECK((loss.scalar_type() == torch::kFloat32));
    rough->gradients().zero_();
    loss.backward();
    CHECK(test::largest(rough->gradients()) > 0);
    // Autocast is over when the pass is.
    const auto x = torch::rand({4, 4});
    CHECK((at::matmul(x, x).scalar_type() == torch::kFloat32));
  }
}

TEST_CASE("training in bf16 follows the weights from step to step and learns as fp32 does") {
  const test::Lane lane("cnn_small");
  const auto exact = workspace(lane, "cnn_small", test::tiny_shape, "fp32");
  const auto rough = workspace(lane, "cnn_small", test::tiny_shape, "bf16", "auto");
  train::TrainJob job;
  job.sgd.lr = 0.05;
  job.base = lane.initial;
  job.samples = test::rows(0, 120);
  job.sgd.momentum = 0.9;
  job.epochs = 4;
  job.batch_size = 16;
  const auto a = engine::execute(*exact, job), b = engine::execute(*rough, job);
  REQUIRE(a.error + b.error == "");
  const auto &x = a.outputs.at(0)->values, &y = b.outputs.at(0)->values;
  CHECK((y.scalar_type() == torch::kFloat32));
  CHECK(at::dot(x, y).item<double>() > 0.98 * x.norm().item<double>() * y.norm().item<double>());
  CHECK_FALSE(at::equal(x, y));
}

TEST_CASE("the fused step is fp32 alone") {
  const test::Lane lane("cnn_small");
  CHECK_THROWS_WITH_AS(
      workspace(lane, "cnn_small", test::tiny_shape, "bf16", "fused"),
      "compute.step is \"fused\", which this model or device does not allow: its kernels are fp32, "
      "compute.precision is bf16",
      std::invalid_argument);
  CHECK(workspace(lane, "cnn_small", test::tiny_shape, "bf16", "auto")->fused() == nullptr);
}
