#pragma once
/// The layer lists of the built-in networks. Of volumes each list makes the network's three-dimensional form: kernels are
/// cubes, strides and paddings the same along all three axes (as MedMNIST's experiments have it with plain 3D convolutions).
/// A new one: a file with its list, its name in config/choices.hpp, and a line in model.cpp.
#include <vector>

#include "model/network.hpp"

namespace afu::model {

using Layers = std::vector<Layer>;

/// The CNN of FedAvg (McMahan et al. 2017): two 5x5 convolutions of 32 and 64, a hidden layer of 512.
Layers cnn_layers(const config::ModelSection& section, const InputShape& shape);
/// Two 3x3 convolutions of 16 and 32 with GroupNorm, a hidden layer of 32.
Layers cnn_small_layers(const config::ModelSection& section, const InputShape& shape);
/// LeNet-5 as usually trained today: 5x5 convolutions of 6 and 16 without padding, max pooling, ReLU, hidden
/// layers of 120 and 84: 44,426 parameters for 28 x 28 grey pixels and ten classes.
Layers lenet_layers(const config::ModelSection& section, const InputShape& shape);
/// The CNN of PyTorch's MNIST example, without dropout: 3x3 convolutions of 32 and 64 without padding, one
/// pooling, a hidden layer of 128: 1,199,882 parameters for 28 x 28 grey pixels and ten classes.
Layers cnn_mnist_layers(const config::ModelSection& section, const InputShape& shape);
/// ResNet-18 (He et al. 2016) for small images: a 3x3 stem of stride 1, no max pooling. `section.norm`
/// chooses GroupNorm (32 groups) or BatchNorm. Tensors carry torchvision's names (a GroupNorm is called bn1
/// there too).
Layers resnet18_layers(const config::ModelSection& section, const InputShape& shape);
/// ResNet-50 with the same stem, as MedMNIST trains it on 28 x 28 pixels (github.com/MedMNIST/experiments, MedMNIST2D):
/// bottlenecks whose 3x3 convolution has the stride.
Layers resnet50_layers(const config::ModelSection& section, const InputShape& shape);
/// Two hidden layers of `section.hidden`.
Layers mlp_layers(const config::ModelSection& section, const InputShape& shape);
/// One linear layer: multinomial logistic regression.
Layers logreg_layers(const config::ModelSection& section, const InputShape& shape);

}  // namespace afu::model
