#pragma once
/// Several clients' training steps as one: networks of the same layers, each with its own weights, as one
/// network with grouped convolutions and batched products. `afu bench train --clients` compares it with the
/// lanes' engines, which train one client after the other; the lanes do not use it (README, "Measured").
#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "compute/job.hpp"
#include "model/network.hpp"
#include "model/parameters.hpp"

namespace afu::compute {

class BatchedClients {
 public:
  /// Weights are zeros until they are loaded. Throws std::invalid_argument, saying which layer, where the
  /// network has BatchNorm or residual connections.
  BatchedClients(const model::Network& network, std::shared_ptr<const model::Layout> layout,
                 std::int64_t clients, torch::Device device);

  void load(std::int64_t client, const torch::Tensor& parameters);  ///< flat [d]
  torch::Tensor parameters(std::int64_t client) const;              ///< flat [d], a copy

  /// Logits [K, B, classes] of images [K, B, C, H, W] float32 on the device.
  torch::Tensor forward(const torch::Tensor& images) const;

  /// A step of SGD for every client, labels [K, B]; the losses before it [K]. `sgd` without FedProx and
  /// clipping, whose norms would be of all clients together: std::invalid_argument.
  torch::Tensor step(const torch::Tensor& images, const torch::Tensor& labels, const SgdSettings& sgd);

 private:
  struct Weights {
    torch::Tensor weight, bias;  ///< [K, ...], views of values_
  };

  std::vector<model::Layer> layers_;
  std::vector<Weights> weights_;  ///< of each layer; undefined where it has none
  std::shared_ptr<const model::Layout> layout_;
  std::int64_t clients_;
  torch::Tensor values_, gradients_, momentum_;  ///< [slots][K][size of the slot]
};

}  // namespace afu::compute
