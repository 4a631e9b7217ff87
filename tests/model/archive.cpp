#include "tests/model/support.hpp"

#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <stdexcept>

#include "model/network.hpp"

using namespace afu::model;
using afu::model::test::section;

namespace {

/// What a saved archive says about x, read by LibTorch alone.
torch::Tensor from_archive(const std::string& path, const torch::Tensor& x) {
  auto module = torch::jit::load(path);
  CHECK_FALSE(module.is_training());
  return module.forward({x}).toTensor();
}

}  // namespace

TEST_CASE("a saved network gives the same logits without our code") {
  torch::NoGradGuard no_grad;
  const InputShape shape{3, 20, 20, 4};
  for (const std::string name : {"cnn", "cnn_small", "lenet", "cnn_mnist", "resnet18", "mlp", "logreg"})
    for (const std::string norm : {"group", "batch"}) {
      if (norm == "batch" && name != "resnet18") continue;
      CAPTURE(name);
      CAPTURE(norm);
      const auto s = section(name, norm);
      test::Loaded net(s, shape);
      const auto x = test::images(3, shape);
      net.model->train(true);
      net.model->forward(x);  // BatchNorm's statistics leave their defaults
      net.model->train(false);
      auto version = std::make_shared<ParameterVector>(
          ParameterVector{net.layout, net.flat.parameters.clone(), net.flat.buffers.clone()});
      test::TemporaryFile file(name + "-" + norm + ".pt");
      save_model(s, shape, version, file.path());
      const auto logits = net.model->forward(x);
      CHECK(logits.std().item<double>() > 0);
      CHECK(torch::allclose(from_archive(file.path(), x), logits, 1e-5, 1e-6));

      auto module = torch::jit::load(file.path());
      std::vector<std::string> names;
      for (const auto& p : module.named_parameters()) names.push_back(p.name);
      REQUIRE(names.size() == net.layout->parameters.size());
      for (const auto& slot : net.layout->parameters)
        CHECK(std::count(names.begin(), names.end(), slot.name) == 1);
    }
}

TEST_CASE("a saved network can be trained on: BatchNorm follows train()") {
  torch::NoGradGuard no_grad;
  const InputShape shape{1, 16, 16, 3};
  const auto s = section("resnet18", "batch");
  test::Loaded net(s, shape);
  test::TemporaryFile file("train.pt");
  save_model(s, shape, net.start, file.path());
  auto module = torch::jit::load(file.path());
  const auto x = test::images(4, shape);
  module.train();
  net.model->train(true);
  CHECK(torch::allclose(module.forward({x}).toTensor(), net.model->forward(x), 1e-4, 1e-5));
  for (const auto& b : module.named_buffers())
    for (const auto& slot : net.layout->buffers)
      if (slot.name == b.name)
        CHECK(torch::allclose(b.value.view({-1}), net.flat.buffers.narrow(0, slot.offset, slot.size), 1e-4,
                              1e-5));
}

TEST_CASE("saving tells what went wrong") {
  const InputShape shape{1, 16, 16, 3};
  test::Loaded net(section("logreg"), shape);
  CHECK_THROWS_WITH_AS(save_model(section("logreg"), shape, net.start, "/nonexistent-folder/model.pt"),
                       doctest::Contains("cannot write '/nonexistent-folder/model.pt'"), std::runtime_error);
  test::TemporaryFile file("never.pt");
  CHECK_THROWS_WITH_AS(save_model(section("mlp"), shape, net.start, file.path()),
                       doctest::Contains("nothing was written"), std::runtime_error);
  CHECK_THROWS_AS(save_model(section("logreg"), shape, nullptr, file.path()), std::runtime_error);
  CHECK_FALSE(std::filesystem::exists(file.path()));
}
