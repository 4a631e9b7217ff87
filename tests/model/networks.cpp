#include "tests/model/support.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <stdexcept>

#include "config/sections/model.hpp"
#include "model/footprint.hpp"

using namespace afu::model;
using afu::model::test::section;

namespace {

std::int64_t parameters_of(const afu::config::ModelSection& s, const InputShape& shape) {
  return make_layout(*make_model(s, shape))->parameter_count;
}

}  // namespace

TEST_CASE("parameter counts") {
  CHECK(parameters_of(section("cnn"), {1, 28, 28, 10}) == 1'663'370);  // McMahan et al. 2017
  CHECK(parameters_of(section("logreg"), {1, 28, 28, 10}) == 7'850);
  CHECK(parameters_of(section("mlp"), {1, 28, 28, 10}) == 199'210);  // the 2NN of McMahan et al.
  CHECK(parameters_of(section("cnn_small"), {1, 28, 28, 10}) == 55'434);
  CHECK(parameters_of(section("lenet"), {1, 28, 28, 10}) == 44'426);
  CHECK(parameters_of(section("cnn_mnist"), {1, 28, 28, 10}) == 1'199'882);  // PyTorch's MNIST example
  CHECK(parameters_of(section("cnn_small"), {3, 32, 32, 10}) == 71'050 + 32);
  // ResNet-18 for CIFAR-10 with a 3x3 stem; both norms have the same parameters.
  CHECK(parameters_of(section("resnet18"), {3, 32, 32, 10}) == 11'173'962);
  CHECK(parameters_of(section("resnet18", "batch"), {3, 32, 32, 10}) == 11'173'962);
  // ResNet-50 with that stem, as the code that MedMNIST's is adapted from has it (kuangliu's, CIFAR-10).
  CHECK(parameters_of(section("resnet50", "batch"), {3, 32, 32, 10}) == 23'520'842);
  CHECK(parameters_of(section("resnet50"), {3, 28, 28, 2}) == 23'520'842 - 8 * 2049);
}

TEST_CASE("every network takes 28, 64 and 96 pixels of 1 and 3 channels") {
  for (const std::string name : {"cnn", "cnn_small", "lenet", "cnn_mnist", "resnet18", "mlp", "logreg"})
    for (const std::int64_t side : {28, 64, 96})
      for (const std::int64_t channels : {1, 3}) {
        if (name == "resnet18" && side == 96 && channels == 1)
          continue;  // slow on a CPU, 3 channels cover it
        CAPTURE(name);
        CAPTURE(side);
        CAPTURE(channels);
        torch::NoGradGuard no_grad;
        const InputShape shape{channels, side, side, 4};
        test::Loaded net(section(name), shape);
        const auto logits = net.model->forward(test::images(2, shape));
        CHECK(logits.sizes() == at::IntArrayRef({2, 4}));
        CHECK(torch::isfinite(logits).all().item<bool>());
        CHECK(logits.std().item<double>() > 0);
      }
}

TEST_CASE("a ResNet-50 has MedMNIST's bottlenecks by torchvision's names") {
  const InputShape shape{3, 28, 28, 2};
  const auto layout = make_layout(*make_model(section("resnet50", "batch"), shape));
  std::map<std::string, std::vector<std::int64_t>> shapes;
  for (const auto& slot : layout->parameters) shapes[slot.name] = slot.shape;
  using Shape = std::vector<std::int64_t>;
  CHECK(layout->parameters.size() == 161);  // 53 convolutions, 53 norms of two, the head's two
  CHECK(shapes.at("conv1.weight") == Shape{64, 3, 3, 3});
  CHECK(shapes.at("layer1.0.conv1.weight") == Shape{64, 64, 1, 1});
  CHECK(shapes.at("layer1.0.downsample.0.weight") == Shape{256, 64, 1, 1});
  CHECK(shapes.at("layer2.0.conv2.weight") == Shape{128, 128, 3, 3});
  CHECK(shapes.at("layer3.5.conv3.weight") == Shape{1024, 256, 1, 1});
  CHECK(shapes.at("layer4.2.bn3.weight") == Shape{2048});
  CHECK(shapes.at("fc.weight") == Shape{2, 2048});
  CHECK(shapes.count("layer1.1.downsample.0.weight") == 0);
  torch::NoGradGuard no_grad;
  test::Loaded net(section("resnet50"), shape);
  CHECK(net.model->forward(test::images(2, shape)).sizes() == at::IntArrayRef({2, 2}));
}

TEST_CASE("oblong and odd images") {
  for (const std::string name : {"cnn", "cnn_small", "resnet18", "mlp", "logreg"}) {
    CAPTURE(name);
    const InputShape shape{2, 13, 21, 3};
    test::Loaded net(section(name), shape);
    CHECK(net.model->forward(test::images(1, shape)).sizes() == at::IntArrayRef({1, 3}));
  }
}

TEST_CASE("a forward pass leaves its input alone") {
  for (const std::string name : {"cnn", "cnn_small", "resnet18", "mlp", "logreg"}) {
    CAPTURE(name);
    const InputShape shape{1, 16, 16, 3};
    test::Loaded net(section(name), shape);
    const auto x = test::images(2, shape);
    const auto copy = x.clone();
    net.model->forward(x);
    CHECK(torch::equal(x, copy));
  }
}

TEST_CASE("gradients agree with finite differences") {
  // Directional derivative along the gradient; every network with in-place operators must pass.
  for (const std::string name : {"cnn", "cnn_small", "resnet18", "mlp", "logreg"}) {
    CAPTURE(name);
    const InputShape shape{1, 8, 8, 3};
    test::Loaded net(section(name), shape);
    const auto x = test::images(4, shape);
    const auto weights = test::images(4, {1, 1, 3, 3}, 5).view({4, 3});
    const auto loss = [&] { return (torch::log_softmax(net.model->forward(x), 1) * weights).sum(); };
    net.flat.gradients.zero_();
    loss().backward();
    const double norm = net.flat.gradients.norm().item<double>();
    REQUIRE(norm > 0);
    const auto direction = net.flat.gradients / norm;
    const double h = 1e-3;
    torch::NoGradGuard no_grad;
    net.flat.parameters.add_(direction, h);
    const double up = loss().item<double>();
    net.flat.parameters.add_(direction, -2 * h);
    const double down = loss().item<double>();
    CHECK((up - down) / (2 * h) == doctest::Approx(norm).epsilon(0.03));
  }
}

TEST_CASE("errors say what is wrong and what is allowed") {
  CHECK_THROWS_WITH_AS(make_model(section("cnn"), {1, 3, 3, 2}),
                       doctest::Contains("3 x 3 pixels are too small"), std::runtime_error);
  CHECK_THROWS_AS(make_model(section("cnn_small"), {1, 28, 3, 2}), std::runtime_error);
  CHECK_THROWS_WITH_AS(make_model(section("resnet18", "batch"), {1, 8, 8, 2}),
                       doctest::Contains("two pixels"), std::runtime_error);
  CHECK_NOTHROW(make_model(section("resnet18", "batch"), {1, 9, 9, 2}));
  CHECK_THROWS_AS(make_model(section("logreg"), {0, 28, 28, 2}), std::runtime_error);
  CHECK_THROWS_AS(make_model(section("logreg"), {1, 28, 28, 1}), std::runtime_error);
}

TEST_CASE("initial parameters come from the key alone") {
  const InputShape shape{3, 16, 16, 4};
  auto a = make_model(section("resnet18", "batch"), shape);
  auto b = make_model(section("resnet18", "batch"), shape);
  const auto layout = make_layout(*a);
  torch::manual_seed(1);
  const auto first = initial_parameters(*a, layout, test::key(3));
  torch::manual_seed(2);
  CHECK(sha256(first) == sha256(initial_parameters(*b, make_layout(*b), test::key(3))));
  CHECK(sha256(first) != sha256(initial_parameters(*a, layout, test::key(4))));
}

TEST_CASE("initial parameters have PyTorch's distribution") {
  test::Loaded net(section("resnet18", "batch"), {3, 16, 16, 4});
  for (const auto& slot : net.layout->parameters) {
    CAPTURE(slot.name);
    const auto v = net.start->values.narrow(0, slot.offset, slot.size);
    const bool norm =
        slot.name.find("bn") != std::string::npos || slot.name.find("downsample.1") != std::string::npos;
    if (norm) {
      CHECK((v == (slot.name.find("weight") != std::string::npos ? 1.0 : 0.0)).all().item<bool>());
      continue;
    }
    // U(-b, b): bounded by b, deviation b/sqrt(3); the bias of the last layer has its weight's bound.
    const double fan_in = slot.name == "fc.bias" ? 512 : static_cast<double>(slot.size / slot.shape[0]);
    const double bound = 1 / std::sqrt(fan_in);
    CHECK(v.abs().max().item<double>() <= bound);
    if (slot.size < 1000) continue;
    CHECK(v.abs().max().item<double>() > 0.98 * bound);
    CHECK(v.std().item<double>() == doctest::Approx(bound / std::sqrt(3.0)).epsilon(0.05));
    CHECK(std::abs(v.mean().item<double>()) < 4 * bound / std::sqrt(3.0 * static_cast<double>(slot.size)));
  }
  for (const auto& slot : net.layout->buffers) {
    const auto v = net.start->buffers.narrow(0, slot.offset, slot.size);
    CHECK((v == (slot.name.find("running_var") != std::string::npos ? 1.0 : 0.0)).all().item<bool>());
  }
  CHECK(net.layout->buffers.size() == 2 * 20);
}

TEST_CASE("footprints") {
  // logreg: one product of 784 x 10, two operations each, three passes.
  CHECK(flops_per_sample(section("logreg"), {1, 28, 28, 10}) == 3 * 2 * 7840.0);
  const double cnn = 28 * 28 * 32 * 25.0 + 14 * 14 * 64 * 32 * 25.0 + 3136 * 512.0 + 5120;
  CHECK(flops_per_sample(section("cnn"), {1, 28, 28, 10}) == 6 * cnn);
  // ResNet-18 on 32 x 32 with a stem of stride 1: 0.56 G multiply-adds.
  CHECK(flops_per_sample(section("resnet18"), {3, 32, 32, 10}) ==
        doctest::Approx(6 * 0.5555e9).epsilon(0.01));

  const InputShape shape{1, 28, 28, 10};
  const auto one = bytes_per_lane(section("cnn"), shape, 1), two = bytes_per_lane(section("cnn"), shape, 2);
  CHECK(one > 5 * 4 * 1'663'370);
  // Per sample: input, the convolutions, their pools, the hidden layer, the logits; and the gradients of all
  // these.
  const std::int64_t per_sample = 784 + 32 * 784 + 32 * 196 + 64 * 196 + 64 * 49 + 512 + 10;
  CHECK(two - one == 2 * 4 * per_sample);
}
