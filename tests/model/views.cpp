#include "tests/model/support.hpp"

#include <torch/csrc/autograd/autograd.h>

#include <stdexcept>

using namespace afu::model;
using afu::model::test::section;

namespace {

/// A step of plain SGD on the flat tensors.
void step(test::Loaded& net, const torch::Tensor& x, const torch::Tensor& labels, double lr) {
  net.flat.gradients.zero_();
  torch::nll_loss(torch::log_softmax(net.model->forward(x), 1), labels).backward();
  torch::NoGradGuard no_grad;
  net.flat.parameters.add_(net.flat.gradients, -lr);
}

void check_aliases(test::Loaded& net) {
  const auto parameters = net.model->named_parameters();
  REQUIRE(parameters.size() == net.layout->parameters.size());
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto& slot = net.layout->parameters[i];
    const auto& [name, t] = parameters[i];
    CAPTURE(name);
    CHECK(name == slot.name);
    CHECK(t.data_ptr<float>() == net.flat.parameters.data_ptr<float>() + slot.offset);
    CHECK(t.grad().data_ptr<float>() == net.flat.gradients.data_ptr<float>() + slot.offset);
    CHECK(t.is_leaf());
    CHECK(t.requires_grad());
  }
}

}  // namespace

TEST_CASE("the flat tensors are the model's, and stay so") {
  for (const std::string name : {"cnn", "cnn_small", "resnet18", "mlp", "logreg"}) {
    CAPTURE(name);
    const InputShape shape{1, 12, 12, 3};
    test::Loaded net(section(name, "batch"), shape);
    const auto x = test::images(4, shape);
    const auto labels = torch::tensor({0, 1, 2, 1}, torch::kLong);
    net.model->train(true);
    check_aliases(net);

    const auto before = net.model->forward(x).detach().clone();
    step(net, x, labels, 0.05);
    CHECK(net.flat.gradients.norm().item<double>() > 0);
    CHECK_FALSE(torch::allclose(net.model->forward(x), before));
    for (int i = 0; i < 5; ++i) step(net, x, labels, 0.05);
    check_aliases(net);

    net.flat.parameters.zero_();
    CHECK(net.model->forward(x).abs().max().item<double>() == 0);
  }
}

TEST_CASE("flattening keeps the values, and gradients accumulate") {
  const InputShape shape{1, 10, 10, 3};
  auto model = make_model(section("mlp"), shape);
  {
    torch::NoGradGuard no_grad;
    for (auto [name, t] : model->named_parameters()) t.uniform_(-0.1, 0.1);
  }
  const auto x = test::images(3, shape);
  const auto before = model->forward(x).detach().clone();
  const auto layout = make_layout(*model);
  const auto flat = flatten_into_views(*model, *layout, torch::kCPU);
  CHECK(torch::equal(model->forward(x), before));
  CHECK(flat.gradients.abs().max().item<double>() == 0);
  CHECK_FALSE(flat.parameters.requires_grad());

  model->forward(x).sum().backward();
  const auto once = flat.gradients.clone();
  model->forward(x).sum().backward();
  CHECK(torch::allclose(flat.gradients, 2 * once));
}

TEST_CASE("training by views equals training tensor by tensor") {
  const InputShape shape{1, 12, 12, 3};
  test::Loaded net(section("cnn_small"), shape);
  auto plain = make_model(section("cnn_small"), shape);
  auto parameters = plain->named_parameters();
  {
    torch::NoGradGuard no_grad;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const auto& slot = net.layout->parameters[i];
      parameters[i].second.copy_(net.start->values.narrow(0, slot.offset, slot.size).view(slot.shape));
    }
  }
  const auto x = test::images(4, shape);
  const auto labels = torch::tensor({0, 1, 2, 1}, torch::kLong);
  for (int i = 0; i < 4; ++i) {
    step(net, x, labels, 0.1);
    torch::nll_loss(torch::log_softmax(plain->forward(x), 1), labels).backward();
    torch::NoGradGuard no_grad;
    for (auto& [name, t] : parameters) {
      t.add_(t.grad(), -0.1);
      t.grad().zero_();
    }
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto& slot = net.layout->parameters[i];
    CHECK(torch::equal(net.flat.parameters.narrow(0, slot.offset, slot.size),
                       parameters[i].second.detach().view({-1})));
  }
}

TEST_CASE("BatchNorm's statistics are in the flat buffers and move in training only") {
  const InputShape shape{3, 16, 16, 4};
  test::Loaded net(section("resnet18", "batch"), shape);
  const auto x = test::images(4, shape) + 0.5;
  torch::NoGradGuard no_grad;
  net.model->train(false);
  const auto evaluated = net.model->forward(x);
  CHECK(torch::equal(net.flat.buffers, net.start->buffers));
  net.model->train(true);
  net.model->forward(x);
  const auto moved = net.flat.buffers.clone();
  for (const auto& slot : net.layout->buffers) {
    CAPTURE(slot.name);
    CHECK_FALSE(torch::equal(moved.narrow(0, slot.offset, slot.size),
                             net.start->buffers.narrow(0, slot.offset, slot.size)));
  }
  const auto buffers = net.model->named_buffers();
  for (std::size_t i = 0; i < buffers.size(); ++i)
    CHECK(buffers[i].second.data_ptr<float>() ==
          net.flat.buffers.data_ptr<float>() + net.layout->buffers[i].offset);
  net.flat.buffers.copy_(net.start->buffers);
  net.model->train(false);
  CHECK(torch::equal(net.model->forward(x), evaluated));
}

TEST_CASE("create_graph works beside the views through autograd::grad") {
  // IRMv1's penalty: the gradient of a squared gradient.
  const InputShape shape{1, 12, 12, 3};
  test::Loaded net(section("cnn_small"), shape);
  const auto x = test::images(4, shape);
  const auto labels = torch::tensor({0, 1, 2, 1}, torch::kLong);
  auto scale = torch::ones({}, torch::requires_grad());
  const auto loss = torch::nll_loss(torch::log_softmax(net.model->forward(x) * scale, 1), labels);
  const auto g = torch::autograd::grad({loss}, {scale}, {}, /*retain_graph=*/true, /*create_graph=*/true)[0];
  (g * g).backward();
  CHECK(net.flat.gradients.norm().item<double>() > 0);
  check_aliases(net);
}

TEST_CASE("a layout of another model is refused") {
  const InputShape shape{1, 12, 12, 3};
  auto a = make_model(section("mlp"), shape);
  auto b = make_model(section("logreg"), shape);
  CHECK_THROWS_AS(flatten_into_views(*a, *make_layout(*b), torch::kCPU), std::logic_error);
}
