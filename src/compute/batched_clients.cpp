#include "compute/batched_clients.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

#include "train/sgd.hpp"

namespace afu::compute {
namespace {

using Kind = model::Layer::Kind;

/// [B, K * C, ...] -> [K, B, features].
torch::Tensor by_client(const torch::Tensor& x, std::int64_t clients) {
  return x.reshape({x.size(0), clients, -1}).transpose(0, 1);
}

}  // namespace

BatchedClients::BatchedClients(const model::Network& network, std::shared_ptr<const model::Layout> layout,
                               std::int64_t clients, torch::Device device)
    : layers_(network.layers()), layout_(std::move(layout)), clients_(clients) {
  if (clients < 1) throw std::invalid_argument(fmt::format("{} clients, must be 1 or more", clients));
  const auto options = torch::dtype(torch::kFloat32).device(device);
  values_ = torch::zeros({clients * layout_->parameter_count}, options);
  gradients_ = torch::zeros_like(values_);
  const auto tensor = [&](const std::string& name) {
    const auto& slot = model::slot_named(*layout_, name);
    auto shape = slot.shape;
    shape.insert(shape.begin(), clients);
    const auto part = [&](const torch::Tensor& all) {
      return all.narrow(0, clients * slot.offset, clients * slot.size).view(shape);
    };
    auto leaf = part(values_).detach().set_requires_grad(true);
    leaf.mutable_grad() = part(gradients_);
    return leaf;
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

void BatchedClients::load(std::int64_t client, const torch::Tensor& parameters) {
  torch::NoGradGuard no_grad;
  for (const auto& slot : layout_->parameters)
    values_.narrow(0, clients_ * slot.offset + client * slot.size, slot.size)
        .copy_(parameters.narrow(0, slot.offset, slot.size));
}

torch::Tensor BatchedClients::parameters(std::int64_t client) const {
  torch::NoGradGuard no_grad;
  auto flat = torch::empty({layout_->parameter_count}, values_.options());
  for (const auto& slot : layout_->parameters)
    flat.narrow(0, slot.offset, slot.size)
        .copy_(values_.narrow(0, clients_ * slot.offset + client * slot.size, slot.size));
  return flat;
}

torch::Tensor BatchedClients::forward(const torch::Tensor& images) const {
  if (images.dim() != 5 || images.size(0) != clients_)
    throw std::invalid_argument(fmt::format("images of {} clients are [{}, B, C, H, W]", clients_, clients_));
  auto x = images.transpose(0, 1).flatten(1, 2);
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const auto& l = layers_[i];
    const auto& [weight, bias] = weights_[i];
    const auto channels = [](const torch::Tensor& t) { return t.defined() ? t.flatten(0, 1) : t; };
    switch (l.kind) {
      case Kind::convolution:
        x = at::conv2d(x, channels(weight), channels(bias), l.stride, l.padding, 1, clients_);
        break;
      case Kind::group_norm:
        x = at::group_norm(x, clients_ * l.groups, channels(weight), channels(bias));
        break;
      case Kind::linear:
        x = at::baddbmm(bias.unsqueeze(1), x, weight.transpose(1, 2));
        break;
      case Kind::relu:
        x = at::relu(x);
        break;
      case Kind::max_pool:
        x = at::max_pool2d(x, l.kernel);
        break;
      case Kind::average_pool:
        x = by_client(x.mean({2, 3}), clients_);
        break;
      case Kind::flatten:
        if (x.dim() == 4) x = by_client(x, clients_);
        break;
      case Kind::batch_norm:
      case Kind::residual:
        throw std::logic_error("not batched over clients");
    }
  }
  return x;
}

torch::Tensor BatchedClients::step(const torch::Tensor& images, const torch::Tensor& labels,
                                   const SgdSettings& sgd) {
  if (sgd.clip_norm > 0 || sgd.prox_mu != 0)
    throw std::invalid_argument("a batch of clients is neither clipped nor pulled back");
  gradients_.zero_();
  const auto losses =
      at::cross_entropy_loss(forward(images).flatten(0, 1), labels.flatten(), {}, at::Reduction::None)
          .view_as(labels)
          .mean(1);
  losses.sum().backward();
  if (sgd.momentum != 0 && !momentum_.defined()) momentum_ = torch::zeros_like(values_);
  train::sgd_step(values_, gradients_, momentum_, {}, sgd);
  return losses.detach();
}

}  // namespace afu::compute
