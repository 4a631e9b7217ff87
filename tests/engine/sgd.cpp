#include "engine/sgd.hpp"

#include <torch/nn/utils/clip_grad.h>
#include <torch/optim/adam.h>
#include <torch/optim/sgd.h>

#include <cmath>
#include <string>

// After torch: its logging headers define a CHECK of their own, which doctest's must replace.
#include <doctest/doctest.h>

#include "engine/sgd_settings.hpp"

using namespace afu;

namespace {

/// Float tensors take the fused CPU step, double ones the tensor operators that a GPU uses.
const torch::ScalarType kTypes[] = {torch::kFloat32, torch::kFloat64};

/// A deterministic gradient that depends on the weights and the step.
torch::Tensor gradient(const torch::Tensor& w, int step) { return (w * 3 + step).sin() * 2 + 0.1; }

torch::Tensor start(torch::ScalarType type) {
  return torch::arange(5003, torch::kFloat64).mul(0.37).cos().to(type);
}

/// Largest difference, relative where the reference is above 1.
double relative_difference(const torch::Tensor& a, const torch::Tensor& reference) {
  return ((a - reference).abs() / reference.abs().clamp_min(1)).max().item<double>();
}

struct Settings {
  double momentum, weight_decay, clip_norm;
};

}  // namespace

TEST_CASE("a flat step is torch's SGD with clip_grad_norm_, step for step") {
  // Decay together with clipping differs from torch's order by contract (decay counts before clipping): the
  // reference then adds the decay itself.
  const Settings cases[] = {{0, 0, 0},     {0.9, 0, 0},   {0.9, 0.01, 0},  {0, 0.01, 0},
                            {0.9, 0, 5.0}, {0.9, 0, 1e6}, {0.9, 0.01, 5.0}};
  for (auto type : kTypes)
    for (const auto& c : cases) {
      const std::string type_name = c10::toString(type);
      CAPTURE(type_name);
      CAPTURE(c.momentum);
      CAPTURE(c.weight_decay);
      CAPTURE(c.clip_norm);
      auto reference = start(type).set_requires_grad(true);
      const bool own_decay = c.clip_norm > 0;
      torch::optim::SGD optimizer(
          std::vector<torch::Tensor>{reference},
          torch::optim::SGDOptions(0.1).momentum(c.momentum).weight_decay(own_decay ? 0 : c.weight_decay));
      auto w = start(type), momentum = torch::zeros_like(w);
      engine::SgdSettings s;
      s.lr = 0.1;
      s.momentum = c.momentum;
      s.weight_decay = c.weight_decay;
      s.clip_norm = c.clip_norm;
      for (int step = 0; step < 20; ++step) {
        auto g = gradient(reference.detach(), step);
        auto own = g.clone();  // the same for both, lest rounding be amplified from step to step
        if (own_decay) g = g + reference.detach() * c.weight_decay;
        reference.mutable_grad() = g;
        if (c.clip_norm > 0) torch::nn::utils::clip_grad_norm_(reference, c.clip_norm);
        optimizer.step();
        engine::sgd_step(w, own, momentum, {}, s);
        REQUIRE(relative_difference(w, reference.detach()) < 1e-6);
      }
      CHECK((w - start(type)).abs().max().item<double>() > 1e-3);
    }
}

TEST_CASE("a gradient whose sum of squares no float holds is clipped as any other") {
  engine::SgdSettings s;
  s.lr = 1;
  s.clip_norm = 5;
  for (const double large : {1e19, 2e19, 1e30, 3e38})
    for (const bool fused : {true, false}) {
      CAPTURE(large);
      CAPTURE(fused);
      // What is not contiguous takes the tensor operators.
      auto g = torch::full({fused ? 100 : 200}, large), w = torch::zeros_like(g), momentum = torch::Tensor();
      if (!fused) g = g.slice(0, 0, 200, 2), w = w.slice(0, 0, 200, 2);
      engine::sgd_step(w, g, momentum, {}, s);
      CHECK(w.norm().item<double>() == doctest::Approx(5).epsilon(1e-5));
      CHECK(w[99].item<double>() == doctest::Approx(-0.5).epsilon(1e-5));
    }
  auto rows = torch::stack({torch::full({100}, 1e25), torch::full({100}, 1.0), torch::full({100}, 0.1)});
  engine::clip(rows, 5);
  CHECK(rows[0][7].item<double>() == doctest::Approx(0.5).epsilon(1e-5));
  CHECK(rows[1][7].item<double>() == doctest::Approx(0.5).epsilon(1e-5));
  CHECK(rows[2][7].item<float>() == 0.1f);
}

TEST_CASE("clipping leaves a gradient that is not finite as not finite as it was") {
  engine::SgdSettings s;
  s.clip_norm = 5;
  for (const double value : {std::nan(""), HUGE_VAL})
    for (const bool fused : {true, false}) {
      auto g = torch::full({fused ? 100 : 200}, 1.0), w = torch::zeros_like(g), momentum = torch::Tensor();
      if (!fused) g = g.slice(0, 0, 200, 2), w = w.slice(0, 0, 200, 2);
      g[3] = value;
      engine::sgd_step(w, g, momentum, {}, s);
      CHECK(std::isnan(w[3].item<double>()));
    }
}

TEST_CASE("the proximal term adds mu (w - base) to the gradient") {
  for (auto type : kTypes) {
    const auto base = start(type);
    auto w = base + 0.5, momentum = torch::zeros_like(base);
    auto g = gradient(w, 0);
    const auto expected = w - 0.1 * (g + 0.25 * (w - base) + 0.01 * w);
    engine::SgdSettings s;
    s.lr = 0.1;
    s.prox_mu = 0.25;
    s.weight_decay = 0.01;
    engine::sgd_step(w, g, momentum, base, s);
    CHECK((w - expected).abs().max().item<double>() < 1e-6);
    CHECK((momentum == 0).all().item<bool>());  // not looked at without momentum
  }
}

TEST_CASE("extras add the pull to the anchor and then mask the gradient, before it is clipped") {
  for (auto type : kTypes)
    for (int present = 0; present < 8; ++present) {
      const std::string type_name = c10::toString(type);
      CAPTURE(type_name);
      CAPTURE(present);
      auto w = start(type), momentum = torch::zeros_like(w);
      const auto base = w + 0.3;
      engine::StepExtras x;
      if (present & 1) x.mask = start(type).mul(11).sin().gt(0).to(type);
      if (present & 2) x.anchor = start(type).mul(5).sin(), x.strength = 0.7;
      if ((present & 6) == 6) x.fisher = start(type).mul(7).sin().square();
      engine::SgdSettings s;
      s.lr = 0.1;
      s.momentum = 0.9;
      s.weight_decay = 0.01;
      s.prox_mu = 0.2;
      s.clip_norm = 3;
      auto expected = w.clone(), m = torch::zeros_like(w);
      for (int step = 0; step < 5; ++step) {
        auto own = gradient(expected, step);
        auto g = own + 0.01 * expected + 0.2 * (expected - base);
        if (present & 2)
          g = g + 0.7 * (x.fisher.defined() ? x.fisher : torch::ones_like(w)) * (expected - x.anchor);
        if (present & 1) g = g * x.mask;
        m = 0.9 * m + g * (3 / (g.norm() + 1e-6)).clamp_max(1.0);
        expected = expected - 0.1 * m;
        engine::sgd_step(w, own, momentum, base, s, &x);
        REQUIRE(relative_difference(w, expected) < 1e-6);
      }
      if (present & 1) CHECK(at::equal(w.masked_select(x.mask == 0), start(type).masked_select(x.mask == 0)));
      CHECK((w - start(type)).abs().max().item<double>() > 1e-3);
    }
}

TEST_CASE("a gradient that is not a number is not hidden by clipping") {
  for (auto type : kTypes) {
    auto w = torch::ones({4}, type), g = torch::full({4}, std::nan(""), type),
         momentum = torch::zeros({4}, type);
    engine::SgdSettings s;
    s.clip_norm = 1;
    engine::sgd_step(w, g, momentum, {}, s);
    CHECK(w.isnan().all().item<bool>());
  }
}

TEST_CASE("flat Adam is torch's Adam, step for step") {
  auto reference = start(torch::kFloat32).set_requires_grad(true);
  torch::optim::Adam optimizer(std::vector<torch::Tensor>{reference}, torch::optim::AdamOptions(1e-3));
  auto w = start(torch::kFloat32);
  engine::Adam adam(w, 1e-3);
  for (int step = 0; step < 20; ++step) {
    const auto g = gradient(reference.detach(), step);
    reference.mutable_grad() = g.clone();
    optimizer.step();
    adam.step(w, g);
    REQUIRE(relative_difference(w, reference.detach()) < 1e-6);
  }
  CHECK((w - start(torch::kFloat32)).abs().max().item<double>() > 1e-3);
}
