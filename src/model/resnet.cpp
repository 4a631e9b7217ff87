#include <algorithm>
#include <array>
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

  /// A stem, four stages of `counts` blocks with 64, 128, 256, 512 channels (`expansion` as many at a block's end), the
  /// head. `block(name, channels, stride, project)`.
  template <class Block>
  Layers whole(const std::array<std::int64_t, 4>& counts, std::int64_t expansion, std::int64_t classes,
               const Block& block) const {
    Layers layers{convolution("conv1", 64, 3, 1, false), norm("bn1", 64), relu()};
    std::int64_t channels = 64;
    for (std::size_t stage = 0; stage < counts.size(); ++stage, channels *= 2)
      for (std::int64_t i = 0; i < counts[stage]; ++i) {
        const std::int64_t stride = i == 0 && stage > 0 ? 2 : 1;
        const bool project = i == 0 && (stage > 0 || expansion > 1);
        layers.push_back(
            block("layer" + std::to_string(stage + 1) + "." + std::to_string(i), channels, stride, project));
        layers.push_back(relu());
      }
    layers.push_back(average_pool());
    layers.push_back(linear("fc", classes));
    return layers;
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

  /// 1x1 down to `channels`, 3x3, 1x1 up to four times as many; the shortcut likewise.
  Layer bottleneck(const std::string& name, std::int64_t channels, std::int64_t stride, bool project) const {
    const auto out = 4 * channels;
    Layers body{
        convolution(name + ".conv1", channels, 1, 1, false),      norm(name + ".bn1", channels), relu(),
        convolution(name + ".conv2", channels, 3, stride, false), norm(name + ".bn2", channels), relu(),
        convolution(name + ".conv3", out, 1, 1, false),           norm(name + ".bn3", out)};
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
  return b.whole({2, 2, 2, 2}, 1, shape.classes,
                 [&](const std::string& name, std::int64_t channels, std::int64_t stride, bool project) {
                   return b.block(name, channels, stride, project);
                 });
}

Layers resnet50_layers(const config::ModelSection& section, const InputShape& shape) {
  const Builder b(section.norm == config::Norm::batch);
  return b.whole({3, 4, 6, 3}, 4, shape.classes,
                 [&](const std::string& name, std::int64_t channels, std::int64_t stride, bool project) {
                   return b.bottleneck(name, channels, stride, project);
                 });
}

}  // namespace afu::model
