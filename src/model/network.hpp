#pragma once
/// A built-in network as a list of layers. From that one list come its parameters, its forward pass and the
/// TorchScript source it is saved as, so that the three cannot differ.
#include <torch/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "model/model.hpp"

namespace afu::model {

struct Layer {
  enum class Kind {
    convolution,   ///< out, kernel, stride, padding: the same along each axis, of volumes along three
    group_norm,    ///< groups
    batch_norm,    ///< running statistics are buffers
    linear,        ///< out
    relu,          ///< in place: must follow a layer that makes a new tensor
    max_pool,      ///< kernel x kernel, of volumes kernel x kernel x kernel, stride = kernel
    average_pool,  ///< over the whole image: [B, C, H, W] or [B, C, D, H, W] -> [B, C]
    flatten,
    residual  ///< body(x) + shortcut(x); an empty shortcut is the identity
  };
  Kind kind;
  std::string name;  ///< of the layer's tensors: "conv1" gives conv1.weight, conv1.bias
  std::int64_t out = 0, kernel = 1, stride = 1, padding = 0, groups = 1;
  bool has_bias = true;
  std::vector<Layer> body{}, shortcut{};

  /// Made by Network for the input's shape.
  torch::Tensor weight{}, bias{}, running_mean{}, running_var{};
};

// What the networks' files write their lists with.
Layer convolution(std::string name, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                  bool has_bias = true);
Layer group_norm(std::string name, std::int64_t groups);
Layer batch_norm(std::string name);
Layer linear(std::string name, std::int64_t out);
Layer relu();
Layer max_pool(std::int64_t kernel);
Layer average_pool();
Layer flatten();
Layer residual(std::vector<Layer> body, std::vector<Layer> shortcut);

class Network final : public Model {
 public:
  /// Parameters are zeros until a version is loaded. Throws std::runtime_error where `shape` is too small.
  Network(std::string name, std::vector<Layer> layers, const InputShape& shape);

  torch::Tensor forward(const torch::Tensor& x) override;
  torch::Tensor forward_observed(const torch::Tensor& x, const Observer& observe) override;
  std::vector<Convolution> convolutions() override;
  torch::Tensor features(const torch::Tensor& x) override;
  Head head() override;
  std::vector<std::pair<std::string, torch::Tensor>> named_parameters() override;
  std::vector<std::pair<std::string, torch::Tensor>> named_buffers() override;
  void train(bool on) override { training_ = on; }
  void to(torch::Device device) override;
  void save(const std::string& path) override;

  /// The forward pass as TorchScript.
  std::string source() const;
  const std::vector<Layer>& layers() const { return layers_; }
  const InputShape& shape() const { return shape_; }  ///< of the images it was made for

 private:
  std::string name_;
  std::vector<Layer> layers_;
  InputShape shape_;
  bool training_ = false;
};

}  // namespace afu::model
