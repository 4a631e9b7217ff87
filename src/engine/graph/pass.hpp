#pragma once
/// A network's forward and backward pass without autograd: LibTorch's convolutions, matrix products and
/// norms, and between them the pieces of pieces.hpp. The same numbers as autograd's up to the order of
/// additions, in half as many kernels. Nothing of it waits for the device, so that it can be recorded.
#include <torch/types.h>

#include <cstddef>
#include <string>
#include <vector>

#include "engine/graph/pieces.hpp"
#include "model/network.hpp"
#include "model/parameters.hpp"

namespace afu::engine::graph {

class Pass {
 public:
  /// Why there is no such pass for this network; empty: there is one.
  static std::string refusal(const model::Network& network);

  /// `parameters`, `gradients`: flat, of the layout, and where they stay. Throws std::invalid_argument with
  /// the reason of refusal().
  Pass(const model::Network& network, const model::Layout& layout, const torch::Tensor& parameters,
       const torch::Tensor& gradients, const Pieces& pieces);

  struct Batch {
    torch::Tensor images;        ///< [B, C, H, W] float32
    torch::Tensor labels;        ///< [B] int64
    torch::Tensor loss, cursor;  ///< [] float32, [1] int64 of the device: grow by the sum of the losses, by B
  };
  /// The gradient of the mean cross entropy -> the flat gradients, all of which are written.
  void gradient(const Batch& batch);
  /// Plain SGD in place: parameters -= lr * that gradient, `lr` [] on the device. The flat gradients stay as
  /// they are. No gradient of a matrix is written, nor read.
  void descend(const Batch& batch, const torch::Tensor& lr);

 private:
  struct Stage {
    enum class Kind { convolution, linear, group_norm, activation, flatten } kind;
    torch::Tensor weight{}, bias{}, weight_gradient{}, bias_gradient{};  ///< views of the flat vectors
    std::int64_t stride = 1, padding = 0, groups = 1, pool = 1;
    bool relu = false;
    torch::Tensor in{}, out{}, where{}, mean{}, scale{};  ///< of the forward pass
  };

  void run(const Batch& batch, const torch::Tensor& lr);
  torch::Tensor forward(Stage& stage, const torch::Tensor& x) const;
  /// The gradient with respect to the stage's input; undefined where `first`.
  torch::Tensor backward(Stage& stage, const torch::Tensor& g, bool first, bool in_place) const;
  torch::Tensor backward_activation(Stage& stage, const torch::Tensor& g, bool in_place) const;

  const Pieces& pieces_;
  std::vector<Stage> stages_;
  std::size_t first_ = 0;  ///< the first stage with parameters: nobody wants the gradient of its input
};

}  // namespace afu::engine::graph
