#include "config/sections/model.hpp"
#include "model/networks.hpp"

namespace afu::model {

// Pooling stands before ReLU: the two commute (ReLU is monotone), values and gradients are the same, and ReLU
// then works on a quarter of the elements.

Layers cnn_layers(const config::ModelSection&, const InputShape& shape) {
  return {convolution("conv1", 32, 5, 1),
          max_pool(2),
          relu(),
          convolution("conv2", 64, 5, 1),
          max_pool(2),
          relu(),
          flatten(),
          linear("fc1", 512),
          relu(),
          linear("fc2", shape.classes)};
}

Layers cnn_small_layers(const config::ModelSection&, const InputShape& shape) {
  return {convolution("conv1", 16, 3, 1),
          group_norm("norm1", 4),
          max_pool(2),
          relu(),
          convolution("conv2", 32, 3, 1),
          group_norm("norm2", 8),
          max_pool(2),
          relu(),
          flatten(),
          linear("fc1", 32),
          relu(),
          linear("fc2", shape.classes)};
}

}  // namespace afu::model
