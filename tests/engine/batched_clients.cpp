#include "engine/batched_clients.hpp"

#include <utility>

#include "engine/sgd.hpp"
#include "engine/sgd_settings.hpp"
#include "model/network.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;
using namespace afu::model;

namespace {

/// Steps of clients together and one by one end at the same weights. The norm that
/// gradients are clipped to is each client's own.
void check(const std::vector<Layer>& layers, const InputShape& shape, double clip_norm, double prox_mu) {
  constexpr std::int64_t kClients = 3, kBatch = 5;
  Network net("test", layers, shape);
  const auto layout = make_layout(net);
  auto flat = flatten_into_views(net, *layout, torch::kCPU);
  engine::BatchedClients batched(net, layout, kClients, torch::kCPU);
  torch::manual_seed(3);
  const auto versions = torch::rand({kClients, layout->parameter_count}) - 0.5;
  const auto images = torch::randn({2, kClients, kBatch, shape.channels, shape.height, shape.width});
  const auto labels = torch::randint(shape.classes, {2, kClients, kBatch}, torch::kInt64);
  batched.load(versions);
  engine::SgdSettings sgd;
  sgd.lr = 0.05;
  sgd.momentum = 0.9;
  sgd.clip_norm = clip_norm;
  sgd.prox_mu = prox_mu;
  std::vector<torch::Tensor> losses;
  for (std::int64_t s = 0; s < 2; ++s) losses.push_back(batched.step(images[s], labels[s], sgd));
  for (std::int64_t k = 0; k < kClients; ++k) {
    auto w = flat.parameters.detach();
    w.copy_(versions[k]);
    auto momentum = torch::zeros_like(w);
    for (std::int64_t s = 0; s < 2; ++s) {
      flat.gradients.zero_();
      const auto loss = at::cross_entropy_loss(net.forward(images[s][k]), labels[s][k]);
      loss.backward();
      CHECK(loss.item<double>() ==
            doctest::Approx(losses[static_cast<std::size_t>(s)][k].item<double>()).epsilon(1e-4));
      engine::sgd_step(w, flat.gradients, momentum, versions[k], sgd);
    }
    CHECK(test::largest(batched.parameters()[k] - w) < 1e-4);
    CHECK(test::largest(batched.parameters()[k] - versions[k]) > 1e-4);
  }
}

}  // namespace

TEST_CASE("clients batched into one network train as one by one") {
  for (const auto& [clip_norm, prox_mu] : {std::pair{0.0, 0.0}, std::pair{0.5, 0.2}}) {
    check({convolution("a", 6, 3, 1), group_norm("n", 3), relu(), max_pool(2),
           convolution("b", 4, 3, 2, false), flatten(), linear("c", 7), relu(), linear("d", 3)},
          {2, 12, 11, 3}, clip_norm, prox_mu);
    check({convolution("a", 6, 3, 1), relu(), average_pool(), linear("d", 3)}, {1, 8, 8, 3}, clip_norm,
          prox_mu);
    check({flatten(), linear("d", 3)}, {2, 4, 4, 3}, clip_norm, prox_mu);
  }
}

TEST_CASE("samples of no weight change nothing") {
  Network net("test", {flatten(), linear("d", 3)}, {1, 2, 2, 3});
  const auto layout = make_layout(net);
  const auto start = torch::rand({2, layout->parameter_count}), images = torch::randn({2, 4, 1, 2, 2});
  const auto labels = torch::randint(3, {2, 4}, torch::kInt64);
  engine::BatchedClients whole(net, layout, 2, torch::kCPU), part(net, layout, 2, torch::kCPU);
  whole.load(start);
  part.load(start);
  engine::SgdSettings sgd;
  whole.step(images.narrow(1, 0, 3), labels.narrow(1, 0, 3), sgd);
  auto weights = torch::full({2, 4}, 1.0 / 3);
  weights.narrow(1, 3, 1).zero_();
  weights[1].zero_();
  const auto losses = part.step(images, labels, sgd, weights);
  CHECK(test::largest(part.parameters()[0] - whole.parameters()[0]) < 1e-6);
  CHECK(at::equal(part.parameters()[1], start[1]));
  CHECK(losses[1].item<double>() == 0);
}

TEST_CASE("what cannot be batched over clients is refused") {
  const auto refuse = [](const std::vector<Layer>& layers, const char* why) {
    const Network net("test", layers, {1, 8, 8, 3});
    auto copy = net;
    CHECK_THROWS_WITH_AS(engine::BatchedClients(net, make_layout(copy), 2, torch::kCPU), why,
                         std::invalid_argument);
  };
  refuse({convolution("a", 4, 3, 1), batch_norm("n"), average_pool(), linear("d", 3)},
         "n, a BatchNorm, cannot be batched over clients");
  Network net("test", {flatten(), linear("d", 3)}, {1, 2, 2, 3});
  engine::BatchedClients two(net, make_layout(net), 2, torch::kCPU);
  CHECK_THROWS_AS(two.forward(torch::zeros({3, 1, 1, 2, 2})), std::invalid_argument);
}
