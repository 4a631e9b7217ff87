#include "engine/fused/program.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "base/elementary.hpp"
#include "engine/task_loss.hpp"

namespace afu::engine::fused {
namespace {

using Kind = model::Layer::Kind;

torch::Tensor zeros(std::int64_t count) { return torch::zeros({count}, torch::kFloat32); }

/// A tensor's values in one run, on the CPU: what it is already, but for a caller's view.
torch::Tensor plain(const torch::Tensor& t, torch::ScalarType type) {
  if (!t.device().is_cpu() || t.scalar_type() != type)
    throw std::invalid_argument(
        "the fused step takes float32 on the CPU, and labels of int64, or of uint8 as sets");
  return t.contiguous();
}

device::cpu::Maxima maxima(const Step& s, float* activations) {
  if (!s.most) return {};
  return {s.most.in(activations), s.place.in(activations)};
}

void copy(const device::cpu::Planes& from, const device::cpu::Planes& to) {
  for (std::int64_t c = 0; c < to.channels; ++c)
    for (std::int64_t y = 0; y < to.height; ++y)
      for (std::int64_t x = 0; x < to.width; ++x)
        std::copy_n(from.at((c * to.height + y) * to.width + x, 0, 0), device::cpu::kLanes, to.at(c, y, x));
}

/// Cross entropy of a block's logits, summed over its images; their gradient times `factor`, 0 where there is
/// no image.
double cross_entropy(const device::cpu::Planes& logits, const std::int64_t* labels, std::int64_t count,
                     float factor, const device::cpu::Planes& d_logits) {
  double sum = 0;
  const auto classes = logits.channels;
  for (std::int64_t b = 0; b < device::cpu::kLanes; ++b) {
    const float* z = logits.data + b;
    float* d = d_logits.data + b;
    if (b >= count) {
      for (std::int64_t c = 0; c < classes; ++c) d[c * device::cpu::kLanes] = 0;
      continue;
    }
    float most = z[0];
    for (std::int64_t c = 1; c < classes; ++c) most = std::max(most, z[c * device::cpu::kLanes]);
    float total = 0;
    for (std::int64_t c = 0; c < classes; ++c)
      total += d[c * device::cpu::kLanes] = base::exp(z[c * device::cpu::kLanes] - most);
    if (labels[b] < 0 || labels[b] >= classes)
      throw std::out_of_range(fmt::format("label {} is outside the {} classes", labels[b], classes));
    sum += base::log(total) - (z[labels[b] * device::cpu::kLanes] - most);
    for (std::int64_t c = 0; c < classes; ++c) d[c * device::cpu::kLanes] *= factor / total;
    d[labels[b] * device::cpu::kLanes] -= factor;
  }
  return sum;
}

/// As cross_entropy, of images with any number of labels: the binary cross entropy of each label, of which `labels`
/// [count, L] are 0 and 1, mean over the labels.
double binary_cross_entropy(const device::cpu::Planes& logits, const std::uint8_t* labels, std::int64_t count,
                            float factor, const device::cpu::Planes& d_logits) {
  double sum = 0;
  const auto n = logits.channels;
  const auto share = factor / static_cast<float>(n);
  for (std::int64_t b = 0; b < device::cpu::kLanes; ++b) {
    const float* z = logits.data + b;
    float* d = d_logits.data + b;
    float total = 0;
    for (std::int64_t l = 0; l < n; ++l) {
      auto& gradient = d[l * device::cpu::kLanes];
      if (b >= count) {
        gradient = 0;
        continue;
      }
      const float x = z[l * device::cpu::kLanes], y = labels[b * n + l] != 0 ? 1.0f : 0.0f;
      const float e = base::exp(-std::abs(x));  // at most 1: nothing overflows
      total += std::max(x, 0.0f) - x * y + base::log1p(e);
      gradient = ((x >= 0 ? 1.0f : e) / (1.0f + e) - y) * share;
    }
    sum += static_cast<double>(total) / static_cast<double>(n);
  }
  return sum;
}

}  // namespace

Program::Program(Plan plan, const device::cpu::Kernels& kernels)
    : plan_(std::move(plan)),
      kernels_(kernels),
      gradients_(zeros(plan_.gradients)),
      packed_(zeros(2 * plan_.packed)),
      scratch_(zeros(plan_.scratch)) {}

float* Program::block(std::size_t i) {
  while (blocks_.size() <= i) blocks_.push_back(zeros(plan_.activations));
  return blocks_[i].data_ptr<float>();
}

/// The weights as the kernels read them that a batch of so many images needs.
void Program::pack(const float* parameters, std::int64_t images, bool reversed) {
  auto *packed = packed_.data_ptr<float>(), *packed_few = packed + plan_.packed;
  const auto last = images % device::cpu::kLanes;  // 0: no block is smaller than the others
  const auto in_lanes = [&](const device::cpu::Filter& f) {
    return images >= device::cpu::kLanes || !kernels_.suits_few(f, last);
  };
  const auto in_few = [&](const device::cpu::Filter& f) { return last > 0 && kernels_.suits_few(f, last); };
  for (const auto& s : plan_.steps) {
    if (s.kind != Kind::convolution) continue;
    const auto* weights = parameters + s.weight;
    if (in_lanes(s.filter)) kernels_.pack(s.filter, weights, packed + s.packed);
    if (in_few(s.filter)) kernels_.pack_few(s.filter, false, weights, packed_few + s.packed);
    if (!reversed || !s.d_in) continue;
    if (in_lanes(s.reversed)) kernels_.pack_reversed(s.filter, weights, packed + s.packed_reversed);
    if (in_few(s.reversed)) kernels_.pack_few(s.filter, true, weights, packed_few + s.packed_reversed);
  }
}

/// Lanes without an image get the last one again: their numbers stay as tame as the others'.
void Program::fill(float* activations, const float* images, std::int64_t count) const {
  const auto p = plan_.input.in(activations);
  const auto size = p.channels * p.height * p.width;
  for (std::int64_t c = 0; c < p.channels; ++c)
    for (std::int64_t y = 0; y < p.height; ++y)
      for (std::int64_t b = 0; b < device::cpu::kLanes; ++b) {
        const float* from = images + std::min(b, count - 1) * size + (c * p.height + y) * p.width;
        float* to = p.at(c, y, 0) + b;
        for (std::int64_t x = 0; x < p.width; ++x) to[x * device::cpu::kLanes] = from[x];
      }
}

void Program::forward(const float* parameters, float* activations, std::int64_t count) {
  const auto& k = kernels_;
  const auto *packed = packed_.data_ptr<float>(), *packed_few = packed + plan_.packed;
  for (const auto& s : plan_.steps) {
    const auto in = s.in.in(activations), out = s.out.in(activations);
    const float *weight = parameters + s.weight, *bias = s.bias < 0 ? nullptr : parameters + s.bias;
    switch (s.kind) {
      case Kind::convolution:
        if (k.suits_few(s.filter, count))
          k.convolve_few(s.filter, packed_few + s.packed, bias, s.seen.in(activations), count, false,
                         scratch_.data_ptr<float>(), out);
        else
          k.convolve(s.filter, packed + s.packed, bias, s.seen.in(activations), out);
        break;
      case Kind::group_norm:
        k.group_norm(s.norm, in, weight, bias, activations + s.kept, maxima(s, activations), out);
        break;
      case Kind::linear:
        k.linear(in.channels, out.channels, weight, bias, in.data, out.data);
        break;
      case Kind::relu:
        k.relu(out);
        break;
      case Kind::max_pool:
        k.max_pool(in, s.norm.pool, s.norm.then_relu, maxima(s, activations), out);
        break;
      case Kind::average_pool:
        k.average_pool(in, out);
        break;
      case Kind::flatten:
        break;
      case Kind::batch_norm:
      case Kind::residual:
        throw std::logic_error("the fused step has no such layer");
    }
  }
}

/// What the kernels can only add to: all but the linear layers'.
void Program::clear(float* gradients) const {
  for (const auto& s : plan_.steps) {
    if (s.weight < 0 || s.kind == Kind::linear) continue;
    const auto channels = s.out.planes.channels;
    std::fill_n(gradients + s.weight, s.kind == Kind::convolution ? s.filter.size() : channels, 0.0f);
    if (s.bias >= 0) std::fill_n(gradients + s.bias, channels, 0.0f);
  }
}

void Program::backward(const float* parameters, float* activations, std::int64_t count, bool add,
                       float* gradients) {
  const auto& k = kernels_;
  auto* arena = gradients_.data_ptr<float>();
  auto* scratch = scratch_.data_ptr<float>();
  const auto *packed = packed_.data_ptr<float>(), *packed_few = packed + plan_.packed;
  for (auto step = plan_.steps.rbegin(); step != plan_.steps.rend(); ++step) {
    const auto& s = *step;
    if (!s.d_out) continue;
    const auto in = s.in.in(activations), out = s.out.in(activations), d_out = s.d_out.in(arena);
    const auto d_in = s.d_in ? s.d_in.in(arena) : device::cpu::Planes{};
    const float* weight = parameters + s.weight;
    float *d_weight = gradients + s.weight, *d_bias = gradients + s.bias;
    switch (s.kind) {
      case Kind::convolution:
        if (k.suits_few(s.filter, count))
          k.filter_gradient_few(s.filter, s.seen.in(activations), d_out, count, scratch, d_weight);
        else
          k.filter_gradient(s.filter, s.seen.in(activations), d_out, scratch, d_weight);
        if (s.bias >= 0) k.bias_gradient(d_out, d_bias);
        if (!s.d_in) break;
        if (k.suits_few(s.reversed, count))
          k.convolve_few(s.reversed, packed_few + s.packed_reversed, nullptr, s.d_seen.in(arena), count, true,
                         scratch, d_in);
        else
          k.convolve(s.reversed, packed + s.packed_reversed, nullptr, s.d_seen.in(arena), d_in);
        break;
      case Kind::group_norm:
        k.group_norm_gradient(s.norm, in, weight, activations + s.kept, maxima(s, activations), d_out,
                              scratch, d_weight, d_bias, d_in);
        break;
      case Kind::linear:
        k.linear_gradient(in.channels, out.channels, count, in.data, d_out.data, scratch, add, d_weight,
                          d_bias);
        if (s.d_in) k.linear_input_gradient(in.channels, out.channels, weight, d_out.data, d_in.data);
        break;
      case Kind::relu:
        k.relu_gradient(out, d_out);
        break;
      case Kind::max_pool:
        k.max_pool_gradient(maxima(s, activations), s.norm.pool, d_out, d_in);
        break;
      case Kind::average_pool:
        k.average_pool_gradient(d_out, d_in);
        break;
      case Kind::flatten:
        if (s.d_out.offset != s.d_in.offset) copy(d_out, d_in);
        break;
      case Kind::batch_norm:
      case Kind::residual:
        throw std::logic_error("the fused step has no such layer");
    }
  }
}

torch::Tensor Program::logits_of(const torch::Tensor& parameters, const torch::Tensor& images, bool keep) {
  const auto x = plain(images, torch::kFloat32);
  const auto n = x.size(0), classes = plan_.logits.planes.channels;
  const auto* w = parameters.data_ptr<float>();
  pack(w, n, keep);
  auto logits = torch::empty({n, classes}, torch::kFloat32);
  auto* out = logits.data_ptr<float>();
  const auto* from = x.data_ptr<float>();
  const auto size = n > 0 ? x.numel() / n : 0;
  for (std::int64_t begin = 0, i = 0; begin < n; begin += device::cpu::kLanes, ++i) {
    const auto count = std::min(device::cpu::kLanes, n - begin);
    auto* activations = block(keep ? static_cast<std::size_t>(i) : 0);
    fill(activations, from + begin * size, count);
    forward(w, activations, count);
    const auto z = plan_.logits.in(activations);
    for (std::int64_t b = 0; b < count; ++b)
      for (std::int64_t c = 0; c < classes; ++c)
        out[(begin + b) * classes + c] = z.data[c * device::cpu::kLanes + b];
  }
  kept_ = keep ? n : -1;
  return logits;
}

torch::Tensor Program::forward(const torch::Tensor& parameters, const torch::Tensor& images) {
  return logits_of(parameters, images, false);
}
torch::Tensor Program::forward_kept(const torch::Tensor& parameters, const torch::Tensor& images) {
  return logits_of(parameters, images, true);
}

void Program::backward(const torch::Tensor& parameters, const torch::Tensor& d_logits,
                       torch::Tensor& gradients) {
  const auto d = plain(d_logits, torch::kFloat32);
  const auto classes = plan_.logits.planes.channels;
  if (d.dim() != 2 || d.size(0) != kept_ || d.size(1) != classes)
    throw std::invalid_argument("these are not the gradients of the last forward pass' logits");
  const auto* from = d.data_ptr<float>();
  auto* to = plan_.d_logits.in(gradients_.data_ptr<float>()).data;
  for (std::int64_t begin = 0, i = 0; begin < kept_; begin += device::cpu::kLanes, ++i) {
    const auto count = std::min(device::cpu::kLanes, kept_ - begin);
    for (std::int64_t c = 0; c < classes; ++c)
      for (std::int64_t b = 0; b < device::cpu::kLanes; ++b)
        to[c * device::cpu::kLanes + b] = b < count ? from[(begin + b) * classes + c] : 0.0f;
    backward(parameters.data_ptr<float>(), block(static_cast<std::size_t>(i)), count, true,
             gradients.data_ptr<float>());
  }
}

double Program::cross_entropy_gradient(const torch::Tensor& parameters, const torch::Tensor& images,
                                       const torch::Tensor& labels, double sign, torch::Tensor& gradients) {
  const bool sets = multi_label(labels);
  const auto x = plain(images, torch::kFloat32), y = plain(labels, sets ? torch::kUInt8 : torch::kInt64);
  const auto n = x.size(0), classes = plan_.logits.planes.channels;
  if (sets && y.size(1) != classes)
    throw std::invalid_argument(fmt::format("{} labels for {} logits", y.size(1), classes));
  const auto* w = parameters.data_ptr<float>();
  pack(w, n, true);
  kept_ = -1;
  auto* to = gradients.data_ptr<float>();
  if (n == 0) gradients.zero_();
  clear(to);
  const auto factor = static_cast<float>(sign / static_cast<double>(n));
  const auto size = x.numel() / std::max<std::int64_t>(n, 1);
  double sum = 0;
  for (std::int64_t begin = 0; begin < n; begin += device::cpu::kLanes) {
    const auto count = std::min(device::cpu::kLanes, n - begin);
    auto* activations = block(0);
    fill(activations, x.data_ptr<float>() + begin * size, count);
    forward(w, activations, count);
    const auto z = plan_.logits.in(activations), d = plan_.d_logits.in(gradients_.data_ptr<float>());
    sum += sets ? binary_cross_entropy(z, y.data_ptr<std::uint8_t>() + begin * classes, count, factor, d)
                : cross_entropy(z, y.data_ptr<std::int64_t>() + begin, count, factor, d);
    backward(w, activations, count, begin > 0, to);
  }
  return sum / static_cast<double>(n);
}

}  // namespace afu::engine::fused
