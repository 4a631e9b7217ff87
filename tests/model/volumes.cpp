// The built-in networks in three dimensions.
#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <vector>

#include <torch/csrc/jit/serialization/import.h>

#include "engine/batched_clients.hpp"
#include "engine/step_engine.hpp"
#include "model/footprint.hpp"
#include "model/network.hpp"
#include "model/spatial.hpp"
#include "tests/model/support.hpp"

using namespace afu;
using namespace afu::model;
using afu::model::test::section;

namespace {

torch::Tensor noise(const std::vector<std::int64_t>& sizes, std::uint64_t seed = 1) {
  base::Stream stream({seed, base::purpose("images"), 0, 0});
  auto x = torch::empty(sizes);
  for (std::int64_t i = 0; i < x.numel(); ++i)
    x.data_ptr<float>()[i] = static_cast<float>(2 * stream.uniform() - 1);
  return x;
}

double largest(const torch::Tensor& t) { return t.abs().max().item<double>(); }

/// One sample's convolution, sum by sum, zeros outside.
double by_hand(const torch::Tensor& x, const torch::Tensor& weight, std::int64_t o,
               const std::array<std::int64_t, 3>& at, std::int64_t padding) {
  double sum = 0;
  const auto k = weight.size(2);
  for (std::int64_t c = 0; c < weight.size(1); ++c)
    for (std::int64_t d = 0; d < k; ++d)
      for (std::int64_t i = 0; i < k; ++i)
        for (std::int64_t j = 0; j < k; ++j) {
          const auto z = at[0] + d - padding, y = at[1] + i - padding, w = at[2] + j - padding;
          if (z < 0 || y < 0 || w < 0 || z >= x.size(1) || y >= x.size(2) || w >= x.size(3)) continue;
          sum += x[c][z][y][w].item<double>() * weight[o][c][d][i][j].item<double>();
        }
  return sum;
}

}  // namespace

TEST_CASE("volumes: filters are cubes, and tensors have the two-dimensional network's names") {
  for (const std::string name :
       {"cnn", "cnn_small", "lenet", "cnn_mnist", "resnet18", "resnet50", "mlp", "logreg"}) {
    CAPTURE(name);
    const auto flat = make_layout(*make_model(section(name), {1, 28, 28, 3})),
               deep = make_layout(*make_model(section(name), {1, 28, 28, 3, 28}));
    REQUIRE(flat->parameters.size() == deep->parameters.size());
    for (std::size_t i = 0; i < flat->parameters.size(); ++i) {
      CHECK(flat->parameters[i].name == deep->parameters[i].name);
      auto shape = flat->parameters[i].shape;
      if (shape.size() == 4) {
        shape.push_back(shape.back());
        CHECK(deep->parameters[i].shape == shape);
      }
    }
  }
  // 27 and 27 * 16 weights a filter, then 7 * 7 * 7 * 32 features.
  CHECK(make_layout(*make_model(section("cnn_small"), {1, 28, 28, 11, 28}))->parameter_count ==
        16 * 28 + 32 + 32 * 433 + 64 + 32 * (32 * 343 + 1) + 11 * 33);
  // Of ResNet-18 with BatchNorm as MedMNIST trains it in 3D: its 20 convolutions, norms and two classes.
  CHECK(make_layout(*make_model(section("resnet18", "batch"), {1, 28, 28, 2, 28}))->parameter_count ==
        33'140'802);
}

TEST_CASE("volumes: a forward pass is what its layers say") {
  const InputShape shape{2, 5, 6, 3, 4};
  Network net("test", {convolution("a", 3, 3, 1), max_pool(2), relu(), average_pool(), linear("b", 3)},
              shape);
  std::map<std::string, torch::Tensor> p;
  for (auto& [name, t] : net.named_parameters()) {
    t.detach().copy_(noise(t.sizes().vec(), 5));
    p.emplace(name, t.detach());
  }
  const auto x = noise(shape.batch(1), 2);
  auto pooled = torch::full({3, 2, 2, 3}, -1e9, torch::kFloat64);
  for (std::int64_t o = 0; o < 3; ++o)
    for (std::int64_t d = 0; d < 4; ++d)
      for (std::int64_t i = 0; i < 4; ++i)  // the fifth row is left out
        for (std::int64_t j = 0; j < 6; ++j) {
          const auto v = by_hand(x[0], p.at("a.weight"), o, {d, i, j}, 1) + p.at("a.bias")[o].item<double>();
          auto cell = pooled[o][d / 2][i / 2][j / 2];
          cell.fill_(std::max(cell.item<double>(), v));
        }
  const auto features = pooled.clamp_min(0).mean({1, 2, 3}).to(torch::kFloat32);
  const auto expected = p.at("b.weight").matmul(features) + p.at("b.bias");
  torch::NoGradGuard no_grad;
  CHECK(largest(net.forward(x)[0] - expected) < 1e-5);
}

TEST_CASE("volumes: two poolings of planes are max_pool3d, gradients and ties included") {
  for (const std::vector<std::int64_t>& sizes : {std::vector<std::int64_t>{2, 3, 6, 4, 8}, {1, 2, 7, 5, 9}}) {
    // Of few values, so that there are ties.
    const auto values = (noise(sizes) * 2).round();
    auto a = values.clone().set_requires_grad(true), b = values.clone().set_requires_grad(true);
    const auto ours = max_pool(a, 2), theirs = at::max_pool3d(b, 2);
    CHECK(at::equal(ours, theirs));
    const auto d = noise(ours.sizes().vec(), 9);
    ours.backward(d);
    theirs.backward(d);
    CHECK(at::equal(a.grad(), b.grad()));
  }
}

TEST_CASE("volumes: every network answers, learns, and is saved as what it is") {
  for (const std::string name : {"cnn_small", "cnn", "lenet", "resnet18", "mlp", "logreg"}) {
    CAPTURE(name);
    const InputShape shape{1, 18, 16, 3, 17};
    test::Loaded net(section(name), shape);
    const auto x = noise(shape.batch(2));
    const auto logits = net.model->forward(x);
    CHECK(logits.sizes() == at::IntArrayRef({2, 3}));
    logits.square().sum().backward();
    CHECK(net.flat.gradients.abs().sum().item<double>() > 0);
    const test::TemporaryFile file("volume.pt");
    save_model(section(name), shape, net.start, file.path());
    auto saved = torch::jit::load(file.path());
    torch::NoGradGuard no_grad;
    CHECK(largest(saved.forward({x}).toTensor() - logits.detach()) < 1e-5);
  }
  CHECK_THROWS_WITH(
      make_model(section("cnn"), {1, 12, 12, 3, 3}),
      "model.name = \"cnn\": volumes of 3 x 12 x 12 pixels are too small: nothing is left of the image at a "
      "2 x 2 x 2 max pooling");
}

TEST_CASE("volumes: BatchNorm in three dimensions, and clients batched into one network") {
  const InputShape shape{1, 8, 8, 3, 8}, larger{1, 16, 16, 3, 16};
  test::Loaded net(section("resnet18", "batch"), larger);
  net.model->train(true);
  CHECK(torch::isfinite(net.model->forward(noise(larger.batch(3)))).all().item<bool>());

  Network plain(
      "test", {convolution("a", 4, 3, 1), group_norm("n", 2), max_pool(2), relu(), flatten(), linear("b", 3)},
      shape);
  const auto layout = make_layout(plain);
  auto flat = flatten_into_views(plain, *layout, torch::kCPU);
  engine::BatchedClients together(plain, layout, 2, torch::kCPU);
  const auto versions = noise({2, layout->parameter_count}, 4);
  together.load(versions);
  auto sizes = shape.batch(3);
  sizes.insert(sizes.begin(), 2);
  const auto x = noise(sizes, 6);
  torch::NoGradGuard no_grad;
  const auto all = together.forward(x);
  for (std::int64_t k = 0; k < 2; ++k) {
    flat.parameters.copy_(versions[k]);
    CHECK(largest(plain.forward(x[k]) - all[k]) < 1e-5);
  }
}

TEST_CASE("volumes: LibTorch's operators take the step, which is told, and multiply-adds are counted") {
  const InputShape shape{1, 12, 12, 3, 10};
  auto net = make_model(section("cnn_small"), shape);
  const auto layout = make_layout(*net);
  const auto choice = engine::choose_step(*net, *layout, torch::kCPU, config::StepEngine::auto_);
  CHECK(!choice.plan);
  CHECK(choice.reason == "autograd: volumes have no kernels");
  CHECK_THROWS_AS(engine::choose_step(*net, *layout, torch::kCPU, config::StepEngine::fused),
                  std::invalid_argument);
  // 1440 voxels of 27 by 16, 180 of 432 by 32, then the two matrices.
  CHECK(flops_per_sample(section("cnn_small"), shape) ==
        6.0 * (1440 * 27 * 16 + 5 * 6 * 6 * 432 * 32 + 32 * 2 * 3 * 3 * 32 + 32 * 3));
}
