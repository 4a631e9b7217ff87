#include "engine/fused/program.hpp"

#include <algorithm>

#include "model/network.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;
using namespace afu::model;

namespace {

/// A network with random parameters and a random batch, whose gradients both engines compute.
struct Case {
  InputShape shape;
  Network net;
  std::shared_ptr<const Layout> layout;
  FlatViews flat;
  torch::Tensor images, labels;

  Case(std::vector<Layer> layers, InputShape s, std::int64_t batch)
      : shape(s), net("test", std::move(layers), s), layout(make_layout(net)) {
    flat = flatten_into_views(net, *layout, torch::kCPU);
    torch::manual_seed(5);
    torch::NoGradGuard no_grad;
    flat.parameters.uniform_(-0.5, 0.5);
    images = torch::randn({batch, s.channels, s.height, s.width});
    labels = torch::randint(s.classes, {batch}, torch::kInt64);
  }

  engine::fused::Program program(const device::cpu::Kernels& k = device::cpu::kernels()) const {
    return engine::fused::Program(engine::fused::make_plan(net.layers(), shape, *layout), k);
  }

  torch::Tensor autograd_gradient() {
    flat.gradients.zero_();
    at::cross_entropy_loss(net.forward(images), labels).backward();
    return flat.gradients.clone();
  }
};

double error(const torch::Tensor& a, const torch::Tensor& b) {
  return test::largest(a - b) / std::max(1e-3, test::largest(b));
}

/// Both engines agree, slot by slot, with every variant of the kernels that this processor runs. Those that
/// multiply and add in one rounding, AVX2 and AVX-512, agree to the bit.
void check(Case c) {
  const auto expected = c.autograd_gradient();
  const auto logits = c.net.forward(c.images).detach();
  const double loss = at::cross_entropy_loss(logits, c.labels).item<double>();
  int count = 0;
  const auto* const* variants = device::cpu::all_kernels(count);
  REQUIRE(count > 0);
  torch::Tensor first_logits, first_gradient;
  for (int i = 0; i < count; ++i) {
    const std::string name = variants[i]->name;
    CAPTURE(name);
    auto program = c.program(*variants[i]);
    const auto own_logits = program.forward(c.flat.parameters, c.images);
    CHECK(error(own_logits, logits) < 1e-4);
    auto gradient = torch::zeros_like(expected);
    CHECK(program.cross_entropy_gradient(c.flat.parameters, c.images, c.labels, 1.0, gradient) ==
          doctest::Approx(loss).epsilon(1e-4));
    if (name != "128 bit" && first_logits.defined()) {
      CHECK(at::equal(own_logits, first_logits));
      CHECK(at::equal(gradient, first_gradient));
    }
    first_logits = own_logits;
    first_gradient = gradient.clone();
    for (const auto& slot : c.layout->parameters) {
      CAPTURE(slot.name);
      const auto of = [&](const torch::Tensor& t) { return t.narrow(0, slot.offset, slot.size); };
      CHECK(error(of(gradient), of(expected)) < 2e-4);
    }
  }
}

Layer padded(Layer l, std::int64_t padding) {
  l.padding = padding;
  return l;
}
std::vector<Layer> with_head(std::vector<Layer> body, std::int64_t classes) {
  body.push_back(flatten());
  body.push_back(linear("fc", classes));
  return body;
}

}  // namespace

TEST_CASE("each layer's gradients are autograd's: odd sizes, strides, paddings, channels and batches") {
  for (std::int64_t kernel : {1, 2, 3, 5, 6, 7})
    for (std::int64_t stride : {1, 2, 3})
      for (std::int64_t padding : {std::int64_t{0}, kernel / 2, kernel - 1}) {
        CAPTURE(kernel);
        CAPTURE(stride);
        CAPTURE(padding);
        check(Case(with_head({padded(convolution("a", 5, 3, 1), 1), relu(),
                              padded(convolution("b", 7, kernel, stride, stride != 2), padding)},
                             3),
                   {2, 9, 11, 3}, 5));
      }
}

TEST_CASE("few images take kernels of their own, with autograd's gradients and the same outputs bit by bit") {
  int count = 0;
  const auto* const* variants = device::cpu::all_kernels(count);
  for (std::int64_t kernel : {1, 2, 3, 5, 7})
    for (std::int64_t batch :
         kernel == 1 ? std::vector<std::int64_t>{1, 2, 17} : std::vector<std::int64_t>{1, 3, 6, 19})
      for (const auto& [middle, out] :
           {std::pair<std::int64_t, std::int64_t>{16, 112}, {112, 32}, {20, 16}}) {
        CAPTURE(kernel);
        CAPTURE(batch);
        CAPTURE(out);
        for (int i = 0; i < count; ++i)  // or this tests nothing
          REQUIRE(variants[i]->suits_few({middle, out, kernel, 1}, batch % 16));
        Case c(with_head({padded(convolution("a", middle, 3, 1), 1), relu(),
                          padded(convolution("b", out, kernel, 1), kernel / 2)},
                         3),
               {2, 9, 21, 3}, batch);
        c.flat.parameters.detach().mul_(
            0.1);  // of so many channels: else the softmax multiplies the rounding
        for (int i = 0; i < count; ++i) {
          auto program = c.program(*variants[i]);
          const auto many = torch::cat({c.images, torch::randn({13, 2, 9, 21})});  // fills a block
          CHECK(at::equal(program.forward(c.flat.parameters, c.images),
                          program.forward(c.flat.parameters, many).narrow(0, 0, batch)));
        }
        check(std::move(c));
      }
}

TEST_CASE("normalisation, pooling and ReLU in any order have autograd's gradients") {
  const InputShape shape{3, 13, 10, 4};
  for (std::int64_t batch : {1, 3, 16, 17, 33}) {
    CAPTURE(batch);
    check(Case(with_head({convolution("c", 6, 3, 1), group_norm("n", 3), max_pool(2), relu()}, 4), shape,
               batch));
    check(Case(with_head({convolution("c", 6, 3, 1), group_norm("n", 1), relu(), max_pool(3)}, 4), shape,
               batch));
    check(Case(with_head({convolution("c", 4, 3, 1), relu(), max_pool(2), convolution("d", 9, 3, 2),
                          group_norm("n", 9), relu()},
                         4),
               shape, batch));
    check(Case({convolution("c", 20, 3, 2), group_norm("n", 4), relu(), convolution("d", 3, 1, 1),
                average_pool(), relu(), linear("fc", 4)},
               shape, batch));
    check(Case(with_head({group_norm("n", 3), max_pool(2), convolution("c", 4, 3, 1)}, 4), shape, batch));
    check(Case(with_head({max_pool(2), relu(), convolution("c", 4, 3, 1)}, 4), shape, batch));
  }
}

TEST_CASE("linear layers of any width have autograd's gradients") {
  for (std::int64_t width : {1, 3, 17, 70, 130})
    for (std::int64_t batch : {1, 10, 35}) {
      CAPTURE(width);
      CAPTURE(batch);
      check(Case({flatten(), linear("a", width), relu(), linear("b", 2 * width + 1), relu(), linear("c", 5)},
                 {1, 5, 7, 5}, batch));
    }
}

TEST_CASE("a window's gradient goes to its first maximum, and NaN goes through") {
  Case c(with_head({convolution("c", 2, 1, 1), max_pool(2)}, 3), {1, 6, 6, 3}, 4);
  c.images.fill_(0.25);  // every window is a tie
  check(std::move(c));
  Case diverged(with_head({convolution("c", 2, 3, 1), max_pool(2), relu()}, 3), {1, 6, 6, 3}, 4);
  diverged.flat.parameters.fill_(std::numeric_limits<float>::quiet_NaN());
  auto program = diverged.program();
  CHECK(program.forward(diverged.flat.parameters, diverged.images).isnan().all().item<bool>());
  auto gradient = torch::zeros_like(diverged.flat.parameters);
  CHECK(std::isnan(program.cross_entropy_gradient(diverged.flat.parameters, diverged.images, diverged.labels,
                                                  1.0, gradient)));
}

TEST_CASE("a gradient of the logits from outside is taken backward") {
  Case c(with_head({convolution("c", 4, 3, 1), group_norm("n", 2), max_pool(2), relu()}, 3), {1, 9, 9, 3},
         37);
  c.flat.gradients.zero_();
  const auto target = torch::randn({37, 3});
  at::mse_loss(c.net.forward(c.images), target).backward();
  auto program = c.program();
  auto gradient = torch::zeros_like(c.flat.gradients);
  auto logits = program.forward_kept(c.flat.parameters, c.images).requires_grad_(true);
  at::mse_loss(logits, target).backward();
  program.backward(c.flat.parameters, logits.grad(), gradient);
  CHECK(error(gradient, c.flat.gradients) < 1e-4);
  program.backward(c.flat.parameters, logits.grad(), gradient);  // it is added
  CHECK(error(gradient, 2 * c.flat.gradients) < 1e-4);
  CHECK_THROWS_AS(program.backward(c.flat.parameters, torch::zeros({36, 3}), gradient),
                  std::invalid_argument);
  program.forward(c.flat.parameters, c.images);  // keeps nothing
  CHECK_THROWS_AS(program.backward(c.flat.parameters, logits.grad(), gradient), std::invalid_argument);
}

TEST_CASE("gradients are set, scaled by the sign, and the same bits each time and in any place") {
  Case c(with_head({convolution("c", 4, 3, 1), group_norm("n", 2), max_pool(2), relu()}, 3), {1, 9, 9, 3},
         21);
  auto first = c.program(), second = c.program();
  auto g = torch::zeros_like(c.flat.gradients);
  first.cross_entropy_gradient(c.flat.parameters, c.images, c.labels, 1.0, g);
  auto room = torch::full({g.numel() + 3}, 7.0f);
  auto moved = room.narrow(0, 3, g.numel());
  const auto parameters = torch::cat({torch::zeros({1}), c.flat.parameters}).narrow(0, 1, g.numel());
  second.forward(c.flat.parameters, c.images.neg());
  second.cross_entropy_gradient(parameters, c.images.clone(), c.labels, 1.0, moved);
  CHECK(at::equal(g, moved));
  first.cross_entropy_gradient(c.flat.parameters, c.images, c.labels, -1.0, g);
  CHECK(at::equal(g, -moved));
}

TEST_CASE("labels outside the classes are refused") {
  Case c({flatten(), linear("fc", 3)}, {1, 2, 2, 3}, 2);
  c.labels.fill_(3);
  auto program = c.program();
  CHECK_THROWS_WITH_AS(
      program.cross_entropy_gradient(c.flat.parameters, c.images, c.labels, 1.0, c.flat.gradients),
      "label 3 is outside the 3 classes", std::out_of_range);
}
