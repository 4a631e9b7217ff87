#include <algorithm>
#include <stdexcept>

#include "config/sections/model.hpp"
#include "model/networks.hpp"

namespace afu::model {
namespace {

class Builder {
 public:
  explicit Builder(bool batch) : batch_(batch) {}

  Layer norm(const std::string& name, std::int64_t channels) const {
    return batch_ ? batch_norm(name) : group_norm(name, std::min<std::int64_t>(32, channels));
  }

  /// Two 3x3 convolutions; a 1x1 convolution on the shortcut where the extent or the channels change.
  Layer block(const std::string& name, std::int64_t out, std::int64_t stride, bool project) const {
    Layers body{convolution(name + ".conv1", out, 3, stride, false), norm(name + ".bn1", out), relu(),
                convolution(name + ".conv2", out, 3, 1, false), norm(name + ".bn2", out)};
    Layers shortcut;
    if (project)
      shortcut = {convolution(name + ".downsample.0", out, 1, stride, false),
                  norm(name + ".downsample.1", out)};
    return residual(std::move(body), std::move(shortcut));
  }

 private:
  bool batch_;
};

}  // namespace

Layers resnet18_layers(const config::ModelSection& section, const InputShape& shape) {
  const Builder b(section.norm == config::Norm::batch);
  Layers layers{convolution("conv1", 64, 3, 1, false), b.norm("bn1", 64), relu()};
  for (std::int64_t stage = 1, channels = 64; stage <= 4; ++stage, channels *= 2) {
    const auto name = "layer" + std::to_string(stage);
    const bool first = stage == 1;
    layers.push_back(b.block(name + ".0", channels, first ? 1 : 2, !first));
    layers.push_back(relu());
    layers.push_back(b.block(name + ".1", channels, 1, false));
    layers.push_back(relu());
  }
  layers.push_back(average_pool());
  layers.push_back(linear("fc", shape.classes));
  return layers;
}

}  // namespace afu::model
