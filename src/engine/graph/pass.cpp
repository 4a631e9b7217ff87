#include "engine/graph/pass.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <tuple>
#include <utility>

namespace afu::engine::graph {
namespace {

using Kind = model::Layer::Kind;

constexpr std::int64_t kLargestPool = 15;  // a place in a window is a byte

Activation activation(const torch::Tensor& x, std::int64_t pool, bool relu) {
  Activation a;
  a.images = x.size(0);
  a.channels = x.size(1);
  if (x.dim() == 4) {
    a.height = x.size(2);
    a.width = x.size(3);
  }
  a.pool = pool;
  a.relu = relu;
  return a;
}

template <class T>
T* data(const torch::Tensor& t) {
  return t.defined() ? t.data_ptr<T>() : nullptr;
}

/// A gradient to its place, or off the parameters.
void deliver(const torch::Tensor& gradient, torch::Tensor& parameter, torch::Tensor& place, bool in_place) {
  if (in_place)
    parameter.sub_(gradient);
  else
    place.copy_(gradient);
}

}  // namespace

std::string Pass::refusal(const model::Network& network) {
  if (network.shape().volumes()) return "volumes have no kernels";
  const auto& layers = network.layers();
  for (const auto& l : layers) {
    if (l.kind == Kind::batch_norm) return l.name + " is a BatchNorm";
    if (l.kind == Kind::residual) return "there is a residual connection";
    if (l.kind == Kind::average_pool) return "there is an average pooling";
    if (l.kind == Kind::max_pool && l.kernel > kLargestPool) return "a pooling is too large";
  }
  if (layers.empty() || layers.back().kind != Kind::linear) return "the last layer is not linear";
  return "";
}

Pass::Pass(const model::Network& network, const model::Layout& layout, const torch::Tensor& parameters,
           const torch::Tensor& gradients, const Pieces& pieces)
    : pieces_(pieces) {
  if (auto reason = refusal(network); !reason.empty()) throw std::invalid_argument(reason);
  const auto view = [&](const torch::Tensor& flat, const std::string& name) {
    const auto& slot = model::slot_named(layout, name);
    return flat.detach().narrow(0, slot.offset, slot.size).view(slot.shape);
  };
  bool open = false;  // the last stage is an activation that a pooling or a ReLU can still join
  const auto activate = [&](bool wanted) -> Stage& {
    if (!open || !wanted) stages_.push_back({Stage::Kind::activation});
    open = true;
    return stages_.back();
  };
  const auto& layers = network.layers();
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto& l = layers[i];
    Stage stage{Stage::Kind::flatten};
    if (l.weight.defined()) {
      stage.weight = view(parameters, l.name + ".weight");
      stage.weight_gradient = view(gradients, l.name + ".weight");
      stage.stride = l.stride;
      stage.padding = l.padding;
      stage.groups = l.groups;
    }
    torch::Tensor bias, bias_gradient;
    if (l.bias.defined()) {
      bias = view(parameters, l.name + ".bias");
      bias_gradient = view(gradients, l.name + ".bias");
    }
    const auto push = [&](Stage::Kind kind, bool with_bias) {
      stage.kind = kind;
      if (with_bias) stage.bias = bias, stage.bias_gradient = bias_gradient;
      stages_.push_back(std::move(stage));
      open = false;
    };
    const auto push_before_bias = [&](Stage::Kind kind) {
      push(kind, false);
      if (!bias.defined()) return;
      auto& after = activate(false);
      after.bias = bias;
      after.bias_gradient = bias_gradient;
    };
    switch (l.kind) {
      case Kind::convolution:
        push_before_bias(Stage::Kind::convolution);
        break;
      case Kind::linear:
        if (i + 1 < layers.size() && layers[i + 1].kind == Kind::relu)
          push_before_bias(Stage::Kind::linear);
        else
          push(Stage::Kind::linear, true);
        break;
      case Kind::group_norm:
        push(Stage::Kind::group_norm, true);
        break;
      case Kind::flatten:
        push(Stage::Kind::flatten, false);
        break;
      case Kind::max_pool:  // pooling and ReLU commute, and a bias shifts a whole plane
        activate(stages_.empty() || stages_.back().pool == 1).pool = l.kernel;
        break;
      case Kind::relu:
        activate(stages_.empty() || !stages_.back().relu).relu = true;
        break;
      case Kind::batch_norm:
      case Kind::residual:
      case Kind::average_pool:
        throw std::logic_error("refused before");
    }
  }
  const auto trained = [](const Stage& s) { return s.weight.defined() || s.bias.defined(); };
  first_ = static_cast<std::size_t>(std::find_if(stages_.begin(), stages_.end(), trained) - stages_.begin());
}

torch::Tensor Pass::forward(Stage& s, const torch::Tensor& x) const {
  s.in = x;
  switch (s.kind) {
    case Stage::Kind::convolution:
      return at::conv2d(x, s.weight, {}, s.stride, s.padding);
    case Stage::Kind::linear:
      return s.bias.defined() ? at::addmm(s.bias, x, s.weight.t()) : at::mm(x, s.weight.t());
    case Stage::Kind::group_norm: {
      auto [y, mean, scale] = at::native_group_norm(x, s.weight, s.bias, x.size(0), x.size(1),
                                                    x.numel() / (x.size(0) * x.size(1)), s.groups, 1e-5);
      s.mean = mean;
      s.scale = scale;
      return y;
    }
    case Stage::Kind::flatten:
      return x.flatten(1);
    case Stage::Kind::activation:
      break;
  }
  const auto a = activation(x, s.pool, s.relu);
  auto shape = x.sizes().vec();
  if (s.pool > 1) shape[2] = a.out_height(), shape[3] = a.out_width();
  s.out = torch::empty(shape, x.options());
  s.where = s.pool > 1 ? torch::empty(shape, x.options().dtype(torch::kUInt8)) : torch::Tensor();
  const auto contiguous = x.contiguous();
  pieces_.activate(a, data<float>(contiguous), data<float>(s.bias), data<float>(s.out),
                   data<std::uint8_t>(s.where), pieces_.stream());
  return s.out;
}

torch::Tensor Pass::backward_activation(Stage& s, const torch::Tensor& g, bool in_place) const {
  const auto a = activation(s.in, s.pool, s.relu);
  const auto gradient = g.contiguous();
  auto dx = torch::empty(s.in.sizes(), g.options());
  // A plane of one pixel is its own sum.
  const bool features = a.height * a.width == 1;
  torch::Tensor sums;
  if (s.bias.defined())
    sums = features ? dx.view({a.images, a.channels}) : torch::empty({a.images, a.channels}, g.options());
  pieces_.deactivate(a, data<float>(s.out), data<std::uint8_t>(s.where), data<float>(gradient),
                     data<float>(dx), features ? nullptr : data<float>(sums), pieces_.stream());
  if (!s.bias.defined()) return dx;
  if (in_place)
    s.bias.sub_(sums.sum(0));
  else
    at::sum_out(s.bias_gradient, sums, 0);
  return dx;
}

torch::Tensor Pass::backward(Stage& s, const torch::Tensor& g, bool first, bool in_place) const {
  switch (s.kind) {
    case Stage::Kind::convolution: {
      const std::array<std::int64_t, 2> stride{s.stride, s.stride}, padding{s.padding, s.padding}, one{1, 1},
          none{0, 0};
      const auto gradients = at::convolution_backward(g, s.in, s.weight, at::OptionalIntArrayRef(), stride,
                                                      padding, one, false, none, 1, {!first, true, false});
      deliver(std::get<1>(gradients), s.weight, s.weight_gradient, in_place);
      return std::get<0>(gradients);
    }
    case Stage::Kind::linear: {
      auto dx = first ? torch::Tensor() : at::mm(g, s.weight);  // before the weight changes
      if (in_place)
        s.weight.addmm_(g.t(), s.in, 1, -1);
      else
        at::mm_out(s.weight_gradient, g.t(), s.in);
      if (s.bias.defined()) {
        if (in_place)
          s.bias.sub_(g.sum(0));
        else
          at::sum_out(s.bias_gradient, g, 0);
      }
      return dx;
    }
    case Stage::Kind::group_norm: {
      const auto& x = s.in;
      const auto gradients =
          at::native_group_norm_backward(g.contiguous(), x, s.mean, s.scale, s.weight, x.size(0), x.size(1),
                                         x.numel() / (x.size(0) * x.size(1)), s.groups, {true, true, true});
      deliver(std::get<1>(gradients), s.weight, s.weight_gradient, in_place);
      deliver(std::get<2>(gradients), s.bias, s.bias_gradient, in_place);
      return std::get<0>(gradients);
    }
    case Stage::Kind::flatten:
      return g.view(s.in.sizes());
    case Stage::Kind::activation:
      break;
  }
  return backward_activation(s, g, in_place);
}

void Pass::run(const Batch& batch, const torch::Tensor& lr) {
  torch::NoGradGuard no_grad;
  auto x = batch.images;
  for (auto& s : stages_) x = forward(s, x);
  const auto logits = x.contiguous();
  auto g = torch::empty_like(logits);
  pieces_.cross_entropy(
      {logits.size(0), logits.size(1), data<float>(logits), data<std::int64_t>(batch.labels), data<float>(lr),
       data<float>(g), data<float>(batch.loss), data<std::int64_t>(batch.cursor)},
      pieces_.stream());
  for (auto i = stages_.size(); i-- > first_;) g = backward(stages_[i], g, i == first_, lr.defined());
  for (auto& s : stages_)
    s.in = s.out = s.where = s.mean = s.scale = torch::Tensor();  // their memory is the next step's
}

void Pass::gradient(const Batch& batch) { run(batch, {}); }
void Pass::descend(const Batch& batch, const torch::Tensor& lr) { run(batch, lr); }

}  // namespace afu::engine::graph
