#include "engine/optimiser.hpp"

#include <cmath>

#include "base/elementary.hpp"

namespace afu::engine {
namespace {

/// What of a step does not depend on the weight.
struct Numbers {
  float beta1, rest1, beta2, rest2;  ///< beta and 1 - beta, which is rounded once
  float step, root;                  ///< lr / correction 1, 1 / sqrt(correction 2)
  float epsilon, keep;               ///< keep: what decoupled decay leaves of a weight
};

Numbers numbers_of(const SgdSettings& s, const AdamSettings& a, std::int64_t steps) {
  const auto t = static_cast<double>(steps);
  const auto f = [](double v) { return static_cast<float>(v); };
  return {f(a.beta1),
          f(1 - a.beta1),
          f(a.beta2),
          f(1 - a.beta2),
          f(s.lr / (1 - base::pow(a.beta1, t))),
          f(1 / std::sqrt(1 - base::pow(a.beta2, t))),
          f(a.epsilon),
          f(1 - s.lr * s.weight_decay)};
}

/// One pass over memory.
void step_on_cpu(float* __restrict w, const float* __restrict g, float* __restrict mean,
                 float* __restrict square, std::int64_t count, const Numbers& n) {
  for (std::int64_t i = 0; i < count; ++i) {
    mean[i] = n.beta1 * mean[i] + n.rest1 * g[i];
    square[i] = n.beta2 * square[i] + n.rest2 * (g[i] * g[i]);
    w[i] -= n.step * (mean[i] / (std::sqrt(square[i]) * n.root + n.epsilon));
  }
}

/// Of the weights that the mask, which may be null, lets move.
void decay_on_cpu(float* __restrict w, const float* __restrict mask, std::int64_t count, float keep) {
  if (mask)
    for (std::int64_t i = 0; i < count; ++i) w[i] *= mask[i] != 0 ? keep : 1;
  else
    for (std::int64_t i = 0; i < count; ++i) w[i] *= keep;
}

bool on_cpu(const torch::Tensor& t) {
  return t.device().is_cpu() && t.scalar_type() == torch::kFloat32 && t.is_contiguous();
}

}  // namespace

void adam_step(torch::Tensor& w, torch::Tensor& g, OptimiserState& state, const torch::Tensor& base,
               const SgdSettings& s, const AdamSettings& adam, const StepExtras* extras) {
  torch::NoGradGuard no_grad;
  if (state.steps++ == 0) {
    state.mean = torch::zeros_like(w, at::MemoryFormat::Contiguous);
    state.square = torch::zeros_like(w, at::MemoryFormat::Contiguous);
  }
  auto in_gradient = s;
  if (adam.decoupled) in_gradient.weight_decay = 0;
  prepare_gradient(w, g, base, in_gradient, extras);
  const bool decays = adam.decoupled && s.weight_decay != 0;
  const auto mask = extras ? extras->mask : torch::Tensor();
  if (on_cpu(w) && on_cpu(g) && (!mask.defined() || on_cpu(mask))) {
    const auto n = numbers_of(s, adam, state.steps);
    const auto d = w.size(-1);
    for (std::int64_t begin = 0; begin < w.numel(); begin += d) {
      auto* row = w.data_ptr<float>() + begin;
      if (decays) decay_on_cpu(row, mask.defined() ? mask.data_ptr<float>() : nullptr, d, n.keep);
      step_on_cpu(row, g.data_ptr<float>() + begin, state.mean.data_ptr<float>() + begin,
                  state.square.data_ptr<float>() + begin, d, n);
    }
    return;
  }
  if (decays) {
    const double part = s.lr * s.weight_decay;
    mask.defined() ? w.addcmul_(w, mask, -part) : w.mul_(1 - part);
  }
  adam_update(w, g, state.mean, state.square, state.steps, s.lr, adam);
}

void optimiser_step(torch::Tensor& w, torch::Tensor& g, OptimiserState& state, const torch::Tensor& base,
                    const SgdSettings& s, const std::optional<AdamSettings>& adam, const StepExtras* extras) {
  if (adam)
    adam_step(w, g, state, base, s, *adam, extras);
  else
    sgd_step(w, g, state.momentum, base, s, extras);
}

}  // namespace afu::engine
