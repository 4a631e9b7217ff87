#include "engine/optimiser.hpp"

#include <torch/nn/utils/clip_grad.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>

#include <memory>
#include <string>

// After torch: its logging headers define a CHECK of their own, which doctest's must replace.
#include <doctest/doctest.h>

#include "engine/adam_settings.hpp"
#include "engine/sgd_settings.hpp"

using namespace afu;

namespace {

/// Float tensors take the loop of the host, double ones the tensor operators that a GPU uses.
const torch::ScalarType kTypes[] = {torch::kFloat32, torch::kFloat64};

/// A deterministic gradient that depends on the weights and the step.
torch::Tensor gradient(const torch::Tensor& w, int step) { return (w * 3 + step).sin() * 2 + 0.1; }

torch::Tensor start(torch::ScalarType type) {
  return torch::arange(5003, torch::kFloat64).mul(0.37).cos().to(type);
}

double relative_difference(const torch::Tensor& a, const torch::Tensor& reference) {
  return ((a - reference).abs() / reference.abs().clamp_min(1)).max().item<double>();
}

struct Case {
  double decay, clip;
  engine::AdamSettings adam;
};

std::unique_ptr<torch::optim::Optimizer> theirs(const torch::Tensor& w, double lr, double decay,
                                                const engine::AdamSettings& a) {
  const std::vector<torch::Tensor> all{w};
  if (a.decoupled)
    return std::make_unique<torch::optim::AdamW>(
        all, torch::optim::AdamWOptions(lr).betas({a.beta1, a.beta2}).eps(a.epsilon).weight_decay(decay));
  return std::make_unique<torch::optim::Adam>(
      all, torch::optim::AdamOptions(lr).betas({a.beta1, a.beta2}).eps(a.epsilon).weight_decay(decay));
}

}  // namespace

TEST_CASE("Adam's and AdamW's steps are torch's, after one and after fifty") {
  const Case cases[] = {{0, 0, {}},
                        {0.05, 0, {}},
                        {0, 5.0, {}},
                        {0, 0, {0.8, 0.95, 1e-4, false}},
                        {0, 0, {0.9, 0.999, 1e-8, true}},
                        {0.05, 0, {0.9, 0.999, 1e-8, true}},
                        {0.05, 5.0, {0.9, 0.99, 1e-6, true}}};
  for (auto type : kTypes)
    for (const auto& c : cases) {
      const std::string type_name = c10::toString(type);
      CAPTURE(type_name);
      CAPTURE(c.decay);
      CAPTURE(c.clip);
      CAPTURE(c.adam.decoupled);
      auto reference = start(type).set_requires_grad(true);
      const auto optimizer = theirs(reference, 0.01, c.decay, c.adam);
      auto w = start(type);
      engine::OptimiserState state;
      engine::SgdSettings s;
      s.lr = 0.01;
      s.momentum = 0.9;  // not looked at
      s.weight_decay = c.decay;
      s.clip_norm = c.clip;
      for (int step = 0; step < 50; ++step) {
        auto g = gradient(reference.detach(), step);
        auto own = g.clone();  // the same for both, lest rounding be amplified from step to step
        reference.mutable_grad() = g;
        if (c.clip > 0) torch::nn::utils::clip_grad_norm_(reference, c.clip);
        optimizer->step();
        engine::optimiser_step(w, own, state, {}, s, c.adam);
        REQUIRE(relative_difference(w, reference.detach()) < (type == torch::kFloat32 ? 2e-6 : 1e-12));
      }
      CHECK(state.steps == 50);
      CHECK((w - start(type)).abs().max().item<double>() > 0.05);
    }
}

TEST_CASE("several models step as each alone, clipped by its own norm") {
  engine::SgdSettings s;
  s.lr = 0.01;
  s.weight_decay = 0.1;
  s.clip_norm = 1;
  s.prox_mu = 0.2;
  for (const bool decoupled : {false, true}) {
    const engine::AdamSettings adam{0.9, 0.999, 1e-8, decoupled};
    auto both = torch::stack({start(torch::kFloat32), start(torch::kFloat32) * 2}).contiguous();
    const auto base = both.clone();
    torch::Tensor alone[] = {both[0].clone(), both[1].clone()};
    engine::OptimiserState together, own[2];
    for (int step = 0; step < 3; ++step) {
      auto g = gradient(both, step);
      torch::Tensor of_each[] = {g[0].clone(), g[1].clone()};
      engine::adam_step(both, g, together, base, s, adam);
      for (int k = 0; k < 2; ++k) engine::adam_step(alone[k], of_each[k], own[k], base[k], s, adam);
    }
    for (int k = 0; k < 2; ++k) CHECK(at::equal(both[k], alone[k]));
    CHECK((both - base).abs().max().item<double>() > 1e-3);
  }
}

TEST_CASE("what the mask holds does not move, by decoupled decay neither; both ways of computing agree") {
  engine::SgdSettings s;
  s.lr = 0.01;
  s.weight_decay = 0.1;
  torch::Tensor moved[2];
  for (int i = 0; i < 2; ++i) {
    const auto type = kTypes[i];
    auto w = start(type);
    engine::StepExtras extras;
    extras.mask = torch::arange(5003).remainder(3).ne(0).to(type);
    extras.anchor = torch::zeros_like(w);
    extras.strength = 0.5;
    engine::OptimiserState state;
    for (int step = 0; step < 4; ++step) {
      auto g = gradient(w, step);
      engine::adam_step(w, g, state, {}, s, {0.9, 0.999, 1e-8, true}, &extras);
    }
    moved[i] = (w - start(type)).to(torch::kFloat64);
    CHECK(moved[i].masked_select(extras.mask == 0).abs().max().item<double>() == 0);
    CHECK(moved[i].masked_select(extras.mask == 1).abs().mean().item<double>() > 0.01);
  }
  CHECK((moved[0] - moved[1]).abs().max().item<double>() < 1e-5);
}
