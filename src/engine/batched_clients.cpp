#include "engine/batched_clients.hpp"

#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>

#include <stdexcept>
#include <utility>

#include "engine/task_loss.hpp"
#include "model/spatial.hpp"

namespace afu::engine {
namespace {

using Kind = model::Layer::Kind;

/// [B, K * C, ...] -> [K, B, features].
torch::Tensor by_client(const torch::Tensor& x, std::int64_t clients) {
  return x.reshape({x.size(0), clients, -1}).transpose(0, 1);
}

}  // namespace

BatchedClients::BatchedClients(const model::Network& network, std::shared_ptr<const model::Layout> layout,
                               std::int64_t clients, torch::Device device)
    : layers_(network.layers()), layout_(std::move(layout)) {
  if (clients < 1) throw std::invalid_argument(fmt::format("{} clients, must be 1 or more", clients));
  const auto options = torch::dtype(torch::kFloat32).device(device);
  values_ = torch::zeros({clients, layout_->parameter_count}, options);
  gradients_ = torch::zeros_like(values_);
  const auto tensor = [&](const std::string& name) {
    const auto& slot = model::slot_named(*layout_, name);
    auto shape = slot.shape;
    shape.insert(shape.begin(), clients);
    const auto part = [&](const torch::Tensor& all) {
      return all.narrow(1, slot.offset, slot.size).view(shape);
    };
    leaves_.push_back(part(values_).detach().set_requires_grad(true));
    leaf_gradients_.push_back(part(gradients_));
    return leaves_.back();
  };
  for (const auto& l : layers_) {
    if (l.kind == Kind::batch_norm || l.kind == Kind::residual)
      throw std::invalid_argument(
          fmt::format("{} cannot be batched over clients",
                      l.kind == Kind::residual ? "a residual connection" : l.name + ", a BatchNorm,"));
    Weights w;
    if (l.weight.defined()) w.weight = tensor(l.name + ".weight");
    if (l.bias.defined()) w.bias = tensor(l.name + ".bias");
    weights_.push_back(std::move(w));
  }
}

void BatchedClients::load(const torch::Tensor& parameters) {
  torch::NoGradGuard no_grad;
  values_.narrow(0, 0, parameters.size(0)).copy_(parameters);
  if (state_.momentum.defined()) state_.momentum.zero_();
  state_.steps = 0;
  base_.reset();
}

torch::Tensor BatchedClients::forward(const torch::Tensor& images) const {
  const auto clients = this->clients();
  if (images.dim() < 5 || images.size(0) != clients)
    throw std::invalid_argument(fmt::format(
        "images of {} clients are [{}, B, C, H, W], volumes [{}, B, C, D, H, W]", clients, clients, clients));
  auto x = images.transpose(0, 1).flatten(1, 2);
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const auto& l = layers_[i];
    const auto& [weight, bias] = weights_[i];
    const auto channels = [](const torch::Tensor& t) { return t.defined() ? t.flatten(0, 1) : t; };
    switch (l.kind) {
      case Kind::convolution:
        x = model::convolution_of(x, channels(weight), channels(bias), l.stride, l.padding, clients);
        break;
      case Kind::group_norm:
        x = at::group_norm(x, clients * l.groups, channels(weight), channels(bias));
        break;
      case Kind::linear:
        x = at::baddbmm(bias.unsqueeze(1), x, weight.transpose(1, 2));
        break;
      case Kind::relu:
        x = at::relu(x);
        break;
      case Kind::max_pool:
        x = model::max_pool(x, l.kernel);
        break;
      case Kind::average_pool:
        x = by_client(model::spatial_mean(x), clients);
        break;
      case Kind::flatten:
        if (x.dim() > 3) x = by_client(x, clients);
        break;
      case Kind::batch_norm:
      case Kind::residual:
        throw std::logic_error("not batched over clients");
    }
  }
  return x;
}

torch::Tensor BatchedClients::step(const torch::Tensor& images, const torch::Tensor& labels,
                                   const SgdSettings& sgd, const torch::Tensor& weights,
                                   const std::optional<AdamSettings>& adam) {
  if (sgd.prox_mu != 0 && !base_.defined()) base_ = values_.clone();
  if (!adam && sgd.momentum != 0 && !state_.momentum.defined()) state_.momentum = torch::zeros_like(values_);
  const auto each =
      task_losses(forward(images).flatten(0, 1), labels.flatten(0, 1)).view({labels.size(0), labels.size(1)});
  const auto losses = weights.defined() ? (each * weights).sum(1) : each.mean(1);
  const auto gradients = torch::autograd::grad({losses.sum()}, leaves_);
  for (std::size_t i = 0; i < gradients.size(); ++i) leaf_gradients_[i].copy_(gradients[i]);
  optimiser_step(values_, gradients_, state_, base_, sgd, adam);
  return losses.detach();
}

}  // namespace afu::engine
