#include "model/network.hpp"

#include <ATen/Context.h>
#include <ATen/Functions.h>

#include <functional>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "model/fixed_order.hpp"
#include "model/spatial.hpp"

namespace afu::model {
namespace {

using Kind = Layer::Kind;

/// What flows between layers: channels, and how long it is along each axis: none once it is flat.
struct Extent {
  std::int64_t channels;
  std::vector<std::int64_t> sides;
  std::int64_t pixels() const {
    return std::accumulate(sides.begin(), sides.end(), std::int64_t{1}, std::multiplies<>());
  }
  std::int64_t features() const { return channels * pixels(); }
};

Extent extent_of(const InputShape& s) {
  return s.volumes() ? Extent{s.channels, {s.depth, s.height, s.width}}
                     : Extent{s.channels, {s.height, s.width}};
}

/// "2 x 2", of volumes "2 x 2 x 2".
std::string kernel_text(std::int64_t kernel, std::size_t axes) {
  auto text = std::to_string(kernel);
  for (std::size_t a = 1; a < axes; ++a) text += " x " + std::to_string(kernel);
  return text;
}

[[noreturn]] void too_small(const std::string& layer) {
  throw std::runtime_error("nothing is left of the image at " + layer);
}

torch::Tensor parameter(std::vector<std::int64_t> shape) {
  return torch::zeros(shape).set_requires_grad(true);
}

std::vector<std::int64_t> filter_shape(const Layer& l, const Extent& e) {
  std::vector<std::int64_t> shape{l.out, e.channels};
  shape.insert(shape.end(), e.sides.size(), l.kernel);
  return shape;
}

Extent build(std::vector<Layer>& layers, Extent e) {
  for (auto& l : layers) {
    switch (l.kind) {
      case Kind::convolution:
        l.weight = parameter(filter_shape(l, e));
        if (l.has_bias) l.bias = parameter({l.out});
        e.channels = l.out;
        for (auto& side : e.sides) {
          if (side + 2 * l.padding < l.kernel) too_small(l.name);
          side = (side + 2 * l.padding - l.kernel) / l.stride + 1;
        }
        break;
      case Kind::batch_norm:
        // One pixel a channel and a last batch of one sample would make the variance of a single value.
        if (e.pixels() < 2) too_small(l.name + " (batch statistics need at least two pixels)");
        l.running_mean = torch::zeros({e.channels});
        l.running_var = torch::ones({e.channels});
        [[fallthrough]];
      case Kind::group_norm:
        l.weight = parameter({e.channels});
        l.bias = parameter({e.channels});
        break;
      case Kind::linear:
        l.weight = parameter({l.out, e.features()});
        l.bias = parameter({l.out});
        e = {l.out, {}};
        break;
      case Kind::max_pool:
        for (auto& side : e.sides) side /= l.kernel;
        if (e.pixels() < 1) too_small("a " + kernel_text(l.kernel, e.sides.size()) + " max pooling");
        break;
      case Kind::average_pool:
        e = {e.channels, {}};
        break;
      case Kind::flatten:
        e = {e.features(), {}};
        break;
      case Kind::relu:
        break;
      case Kind::residual: {
        build(l.shortcut, e);
        e = build(l.body, e);
        break;
      }
    }
  }
  return e;
}

/// On a GPU the bias is added as one value an image and channel, so that the sum over images and pixels, its
/// gradient, is taken in two steps: LibTorch's sum over both at once keeps no more than four multiprocessors
/// busy (34 us on an H100). In a fixed order by columns and products, which are ours then; oneDNN's
/// convolutions sum as the processor's vectors want it. Of volumes they are oneDNN's always: a run says that its bytes are this
/// processor's.
torch::Tensor convolved(const Layer& l, const torch::Tensor& x) {
  if (x.is_cpu() && fixed_order() && x.dim() == 4)
    return at::thnn_conv2d(x, l.weight, {l.kernel, l.kernel}, l.bias, {l.stride, l.stride},
                           {l.padding, l.padding});
  if (!x.is_cuda() || !l.bias.defined()) return convolution_of(x, l.weight, l.bias, l.stride, l.padding);
  auto y = convolution_of(x, l.weight, /*bias=*/{}, l.stride, l.padding);
  std::vector<std::int64_t> each(static_cast<std::size_t>(y.dim()), 1);
  each[1] = -1;
  const auto bias = l.bias.view(each);
  each[0] = y.size(0);
  return y.add_(bias.expand(each));
}

/// The layers [first, end); `observe` may be null.
torch::Tensor run(const Layer* first, const Layer* end, torch::Tensor x, bool training,
                  const Observer* observe);

torch::Tensor run(const std::vector<Layer>& layers, torch::Tensor x, bool training,
                  const Observer* observe = nullptr) {
  return run(layers.data(), layers.data() + layers.size(), std::move(x), training, observe);
}

torch::Tensor run(const Layer* first, const Layer* end, torch::Tensor x, bool training,
                  const Observer* observe) {
  // Where autocast has made x shorter (model/autocast.hpp), norms go on in their own precision.
  for (; first != end; ++first) {
    const auto& l = *first;
    switch (l.kind) {
      case Kind::convolution:
        x = convolved(l, x);
        if (observe) (*observe)(l.name, x);
        break;
      case Kind::group_norm:
        x = at::group_norm(x.to(l.weight.scalar_type()), l.groups, l.weight, l.bias);
        break;
      case Kind::batch_norm:
        x = at::batch_norm(x.to(l.weight.scalar_type()), l.weight, l.bias, l.running_mean, l.running_var,
                           training, 0.1, 1e-5, at::globalContext().userEnabledCuDNN());
        break;
      case Kind::linear:
        x = at::linear(x, l.weight, l.bias);
        break;
      case Kind::relu:
        at::relu_(x);
        break;
      case Kind::max_pool:
        x = max_pool(x, l.kernel);
        break;
      case Kind::average_pool:
        x = spatial_mean(x);
        break;
      case Kind::flatten:
        x = at::flatten(x, 1);
        break;
      case Kind::residual: {
        auto shortcut = run(l.shortcut, x, training, observe);
        // In place: a body ends in a normalisation, whose backward pass does not look at its output.
        x = run(l.body, x, training, observe).add_(shortcut);
        break;
      }
    }
  }
  return x;
}

/// Calls visit(layer) for every layer, a residual's body before its shortcut.
template <class Layers, class Visit>
void each(Layers& layers, const Visit& visit) {
  for (auto& l : layers) {
    visit(l);
    each(l.body, visit);
    each(l.shortcut, visit);
  }
}

}  // namespace

Layer convolution(std::string name, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                  bool has_bias) {
  return {Kind::convolution, std::move(name), out, kernel, stride, kernel / 2, 1, has_bias};
}
Layer group_norm(std::string name, std::int64_t groups) {
  return {Kind::group_norm, std::move(name), 0, 1, 1, 0, groups};
}
Layer batch_norm(std::string name) { return {Kind::batch_norm, std::move(name)}; }
Layer linear(std::string name, std::int64_t out) { return {Kind::linear, std::move(name), out}; }
Layer relu() { return {Kind::relu, ""}; }
Layer max_pool(std::int64_t kernel) { return {Kind::max_pool, "", 0, kernel}; }
Layer average_pool() { return {Kind::average_pool, ""}; }
Layer flatten() { return {Kind::flatten, ""}; }
Layer residual(std::vector<Layer> body, std::vector<Layer> shortcut) {
  Layer l{Kind::residual, ""};
  l.body = std::move(body);
  l.shortcut = std::move(shortcut);
  return l;
}

Network::Network(std::string name, std::vector<Layer> layers, const InputShape& shape)
    : name_(std::move(name)), layers_(std::move(layers)), shape_(shape) {
  try {
    build(layers_, extent_of(shape));
  } catch (const std::runtime_error& e) {
    throw std::runtime_error(
        "model.name = \"" + name_ +
        "\": " + (shape.volumes() ? "volumes of " + std::to_string(shape.depth) + " x " : "images of ") +
        std::to_string(shape.height) + " x " + std::to_string(shape.width) +
        " pixels are too small: " + e.what());
  }
}

torch::Tensor Network::forward(const torch::Tensor& x) { return run(layers_, x, training_); }

torch::Tensor Network::forward_observed(const torch::Tensor& x, const Observer& observe) {
  return run(layers_, x, training_, &observe);
}

torch::Tensor Network::features(const torch::Tensor& x) {
  return run(layers_.data(), layers_.data() + layers_.size() - 1, x, training_, nullptr);
}

std::vector<std::pair<std::string, torch::Tensor>> Network::named_parameters() {
  std::vector<std::pair<std::string, torch::Tensor>> out;
  each(layers_, [&](Layer& l) {
    if (l.weight.defined()) out.emplace_back(l.name + ".weight", l.weight);
    if (l.bias.defined()) out.emplace_back(l.name + ".bias", l.bias);
  });
  return out;
}

std::vector<std::pair<std::string, torch::Tensor>> Network::named_buffers() {
  std::vector<std::pair<std::string, torch::Tensor>> out;
  each(layers_, [&](Layer& l) {
    if (!l.running_mean.defined()) return;
    out.emplace_back(l.name + ".running_mean", l.running_mean);
    out.emplace_back(l.name + ".running_var", l.running_var);
  });
  return out;
}

void Network::to(torch::Device device) {
  torch::NoGradGuard no_grad;
  each(layers_, [&](Layer& l) {
    for (auto* t : {&l.weight, &l.bias, &l.running_mean, &l.running_var}) {
      if (!t->defined() || t->device() == device) continue;
      t->set_data(t->to(device));
      if (t->grad().defined()) t->mutable_grad() = t->grad().to(device);
    }
  });
}

}  // namespace afu::model
