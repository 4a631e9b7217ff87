#include "engine/sgd.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/elementary.hpp"
#include "engine/sgd_settings.hpp"

namespace afu::engine {
namespace {

constexpr double kClipEpsilon = 1e-6;  // as in clip_grad_norm_

/// Sum of squares. Sixteen partial sums a block: the compiler may vectorise them without reordering anything.
double square_sum(const float* x, std::int64_t n) {
  constexpr std::int64_t kLanes = 16, kBlock = 4096;
  double total = 0;
  for (std::int64_t begin = 0; begin < n; begin += kBlock) {
    const std::int64_t end = std::min(n, begin + kBlock);
    std::array<float, kLanes> partial{};
    std::int64_t i = begin;
    for (; i + kLanes <= end; i += kLanes)
      for (std::int64_t k = 0; k < kLanes; ++k) partial[k] += x[i + k] * x[i + k];
    for (; i < end; ++i) partial[0] += x[i] * x[i];
    for (float p : partial) total += p;
  }
  return total;
}

double length(const float* x, std::int64_t n) {
  const double square = square_sum(x, n);
  if (std::isfinite(square)) return std::sqrt(square);
  double wide = 0;  // a float holds no square of more than 1.8e19, a double that of any float
  for (std::int64_t i = 0; i < n; ++i) wide += static_cast<double>(x[i]) * x[i];
  return std::sqrt(wide);
}

/// Multiplies by min(1, `longest` / (|g| + epsilon)).
template <class Longest>
void clip_to(torch::Tensor& g, const Longest& longest) {
  const auto norm_in = [&](torch::ScalarType type) {
    return g.dim() > 1 ? g.norm(2, {-1}, /*keepdim=*/true, type) : g.norm(2, type);
  };
  const auto factor_of = [&](const torch::Tensor& norm) {
    return (longest / (norm + kClipEpsilon)).clamp_max(1.0);
  };
  const torch::Tensor norm = norm_in(g.scalar_type());
  auto factor = factor_of(norm);
  if (g.scalar_type() != torch::kFloat64) {
    const torch::Tensor finite = at::isfinite(norm);
    // On a GPU both are computed, for the host cannot look without waiting.
    if (!g.is_cpu() || !finite.all().item<bool>())
      factor = at::where(finite, factor, factor_of(norm_in(torch::kFloat64)).to(g.scalar_type()));
  }
  g.mul_(factor);
}

bool is_plain_cpu(const torch::Tensor& t) {
  return t.device().is_cpu() && t.scalar_type() == torch::kFloat32 && t.is_contiguous();
}
bool is_plain_cpu(const StepExtras& x) {
  for (const auto* t : {&x.mask, &x.anchor, &x.fisher})
    if (t->defined() && !is_plain_cpu(*t)) return false;
  return true;
}

const float* data_or_null(const torch::Tensor& t) { return t.defined() ? t.data_ptr<float>() : nullptr; }

/// Weight decay and the proximal term; `base` may be null.
void regularise(float* __restrict g, const float* __restrict w, const float* __restrict base, std::int64_t n,
                const SgdSettings& s) {
  const auto decay = static_cast<float>(s.weight_decay), mu = static_cast<float>(s.prox_mu);
  if (base)
    for (std::int64_t i = 0; i < n; ++i) g[i] += decay * w[i] + mu * (w[i] - base[i]);
  else if (decay != 0)
    for (std::int64_t i = 0; i < n; ++i) g[i] += decay * w[i];
}

/// The pull to the anchor, then the mask; each of the three may be null.
void pull_and_mask(float* __restrict g, const float* __restrict w, const float* __restrict anchor,
                   const float* __restrict fisher, const float* __restrict mask, std::int64_t n,
                   float strength) {
  if (anchor && fisher)
    for (std::int64_t i = 0; i < n; ++i) g[i] += strength * fisher[i] * (w[i] - anchor[i]);
  else if (anchor)
    for (std::int64_t i = 0; i < n; ++i) g[i] += strength * (w[i] - anchor[i]);
  if (mask)
    for (std::int64_t i = 0; i < n; ++i) g[i] *= mask[i];
}

/// Both, block by block: a block of the gradient stays in the nearest cache, so that memory sees one pass.
void regularise(float* g, const float* w, const float* base, std::int64_t n, const SgdSettings& s,
                const StepExtras& x) {
  constexpr std::int64_t kBlock = 2048;
  const auto *anchor = data_or_null(x.anchor), *fisher = data_or_null(x.fisher), *mask = data_or_null(x.mask);
  const auto from = [](const float* p, std::int64_t begin) { return p ? p + begin : nullptr; };
  for (std::int64_t begin = 0; begin < n; begin += kBlock) {
    const auto count = std::min(kBlock, n - begin);
    regularise(g + begin, w + begin, from(base, begin), count, s);
    pull_and_mask(g + begin, w + begin, from(anchor, begin), from(fisher, begin), from(mask, begin), count,
                  static_cast<float>(x.strength));
  }
}

/// The pulls and the mask in place; returns what clipping scales by.
float prepare_on_cpu(float* g, const float* w, const float* base, std::int64_t n, const SgdSettings& s,
                     const StepExtras* extras) {
  if (extras)
    regularise(g, w, base, n, s, *extras);
  else
    regularise(g, w, base, n, s);
  if (s.clip_norm <= 0) return 1;
  return static_cast<float>(std::min(1.0, s.clip_norm / (length(g, n) + kClipEpsilon)));
}

/// At most three passes over memory, where tensor operators take up to twelve.
void step_on_cpu(float* __restrict w, float* __restrict g, float* __restrict momentum,
                 const float* __restrict base, std::int64_t n, const SgdSettings& s,
                 const StepExtras* extras) {
  const float scale = prepare_on_cpu(g, w, base, n, s, extras);
  const auto lr = static_cast<float>(s.lr), keep = static_cast<float>(s.momentum);
  if (momentum)
    for (std::int64_t i = 0; i < n; ++i) {
      momentum[i] = keep * momentum[i] + scale * g[i];
      w[i] -= lr * momentum[i];
    }
  else
    for (std::int64_t i = 0; i < n; ++i) w[i] -= lr * (scale * g[i]);
}

/// prepare_gradient where the tensors are not all plain ones of the host.
void prepare_by_operators(const torch::Tensor& w, torch::Tensor& g, const torch::Tensor& base,
                          const SgdSettings& s, const StepExtras* extras) {
  if (s.weight_decay != 0) g.add_(w, s.weight_decay);
  if (s.prox_mu != 0) g.add_(w, s.prox_mu).sub_(base, s.prox_mu);
  if (extras && extras->anchor.defined()) {
    auto pull = w - extras->anchor;
    if (extras->fisher.defined()) pull.mul_(extras->fisher);
    g.add_(pull, extras->strength);
  }
  if (extras && extras->mask.defined()) g.mul_(extras->mask);
  if (s.clip_norm > 0) clip(g, s.clip_norm);
}

}  // namespace

void clip(torch::Tensor& g, double longest) { clip_to(g, longest); }
void clip(torch::Tensor& g, const torch::Tensor& longest) { clip_to(g, longest); }

void sgd_step(torch::Tensor& w, torch::Tensor& g, torch::Tensor& momentum, const torch::Tensor& base,
              const SgdSettings& s, const StepExtras* extras) {
  const bool has_momentum = s.momentum != 0, has_prox = s.prox_mu != 0;
  if (is_plain_cpu(w) && is_plain_cpu(g) && (!has_momentum || is_plain_cpu(momentum)) &&
      (!has_prox || is_plain_cpu(base)) && (!extras || is_plain_cpu(*extras))) {
    const auto n = w.size(-1);
    const auto row = [&](bool there, const torch::Tensor& t, std::int64_t begin) {
      return there ? t.data_ptr<float>() + begin : nullptr;
    };
    for (std::int64_t begin = 0; begin < w.numel(); begin += n)
      step_on_cpu(row(true, w, begin), row(true, g, begin), row(has_momentum, momentum, begin),
                  row(has_prox, base, begin), n, s, extras);
    return;
  }
  torch::NoGradGuard no_grad;
  prepare_by_operators(w, g, base, s, extras);
  if (has_momentum)
    w.add_(momentum.mul_(s.momentum).add_(g), -s.lr);
  else
    w.add_(g, -s.lr);
}

void prepare_gradient(const torch::Tensor& w, torch::Tensor& g, const torch::Tensor& base,
                      const SgdSettings& s, const StepExtras* extras) {
  const bool has_prox = s.prox_mu != 0;
  if (!is_plain_cpu(w) || !is_plain_cpu(g) || (has_prox && !is_plain_cpu(base)) ||
      (extras && !is_plain_cpu(*extras))) {
    torch::NoGradGuard no_grad;
    return prepare_by_operators(w, g, base, s, extras);
  }
  const auto n = w.size(-1);
  for (std::int64_t begin = 0; begin < w.numel(); begin += n) {
    auto* row = g.data_ptr<float>() + begin;
    const auto* from = has_prox ? base.data_ptr<float>() + begin : nullptr;
    const float scale = prepare_on_cpu(row, w.data_ptr<float>() + begin, from, n, s, extras);
    if (scale != 1)
      for (std::int64_t i = 0; i < n; ++i) row[i] *= scale;
  }
}

Adam::Adam(const torch::Tensor& like, double lr)
    : lr_(lr), mean_(torch::zeros_like(like)), square_(torch::zeros_like(like)) {}

void adam_update(torch::Tensor& w, const torch::Tensor& g, torch::Tensor& mean, torch::Tensor& square,
                 std::int64_t steps, double lr, const AdamSettings& adam) {
  torch::NoGradGuard no_grad;
  const auto t = static_cast<double>(steps);
  const double correction1 = 1 - base::pow(adam.beta1, t), correction2 = 1 - base::pow(adam.beta2, t);
  mean.mul_(adam.beta1).add_(g, 1 - adam.beta1);
  square.mul_(adam.beta2).addcmul_(g, g, 1 - adam.beta2);
  const auto denominator = square.sqrt().div_(std::sqrt(correction2)).add_(adam.epsilon);
  w.addcdiv_(mean, denominator, -lr / correction1);
}

void Adam::step(torch::Tensor& w, const torch::Tensor& g) {
  adam_update(w, g, mean_, square_, ++steps_, lr_, {});
}

}  // namespace afu::engine
