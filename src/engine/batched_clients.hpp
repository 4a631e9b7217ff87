#pragma once
/// Several clients' training steps as one: networks of the same layers, each with its own weights, as one
/// network with grouped convolutions and batched products. Lanes use it where compute.batched_clients says so
/// (train/batched_training.hpp); `afu bench train --clients` compares it with one client after the other.
#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "engine/optimiser.hpp"
#include "job/job.hpp"
#include "model/network.hpp"
#include "model/parameters.hpp"

namespace afu::engine {

class BatchedClients {
 public:
  /// Weights are zeros until they are loaded. Throws std::invalid_argument, saying which layer, where the
  /// network has BatchNorm or residual connections.
  BatchedClients(const model::Network& network, std::shared_ptr<const model::Layout> layout,
                 std::int64_t clients, torch::Device device);

  std::int64_t clients() const { return values_.size(0); }
  /// The first clients' weights, [up to K, d]; forgets what everybody's optimiser kept.
  void load(const torch::Tensor& parameters);
  const torch::Tensor& parameters() const { return values_; }  ///< [K, d], which steps change

  /// Logits [K, B, classes] of images [K, B, C, H, W] float32 on the device.
  torch::Tensor forward(const torch::Tensor& images) const;

  /// A step of SGD, or of `adam`, for every client, labels [K, B], or [K, B, L] (engine::task_loss); the losses before it [K],
  /// which are means over B, or,
  /// with `weights` [K, B], sums by those.
  torch::Tensor step(const torch::Tensor& images, const torch::Tensor& labels, const SgdSettings& sgd,
                     const torch::Tensor& weights = {}, const std::optional<AdamSettings>& adam = {});

 private:
  struct Weights {
    torch::Tensor weight, bias;  ///< [K, ...], views of values_
  };

  std::vector<model::Layer> layers_;
  std::vector<Weights> weights_;                        ///< of each layer; undefined where it has none
  std::vector<torch::Tensor> leaves_, leaf_gradients_;  ///< all of them, and views of gradients_ alike
  std::shared_ptr<const model::Layout> layout_;
  torch::Tensor values_, gradients_, base_;  ///< [K, d]
  OptimiserState state_;                     ///< likewise
};

}  // namespace afu::engine
