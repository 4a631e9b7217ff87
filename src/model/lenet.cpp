#include "config/sections/model.hpp"
#include "model/networks.hpp"

namespace afu::model {
namespace {

Layer unpadded(Layer convolution) {
  convolution.padding = 0;
  return convolution;
}

}  // namespace

// Pooling before ReLU: see cnn.cpp.

Layers lenet_layers(const config::ModelSection&, const InputShape& shape) {
  return {unpadded(convolution("conv1", 6, 5, 1)),
          max_pool(2),
          relu(),
          unpadded(convolution("conv2", 16, 5, 1)),
          max_pool(2),
          relu(),
          flatten(),
          linear("fc1", 120),
          relu(),
          linear("fc2", 84),
          relu(),
          linear("fc3", shape.classes)};
}

Layers cnn_mnist_layers(const config::ModelSection&, const InputShape& shape) {
  return {unpadded(convolution("conv1", 32, 3, 1)),
          relu(),
          unpadded(convolution("conv2", 64, 3, 1)),
          max_pool(2),
          relu(),
          flatten(),
          linear("fc1", 128),
          relu(),
          linear("fc2", shape.classes)};
}

}  // namespace afu::model
