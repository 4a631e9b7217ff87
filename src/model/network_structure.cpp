/// What a built-in network says about its layers: its head, and where its channels go.
#include <optional>

#include "model/network.hpp"

namespace afu::model {
namespace {

using Kind = Layer::Kind;

/// Appends the convolutions of `layers`. `alone`: the convolution whose channels, and nothing added to them,
/// reach the first layer.
void follow(const std::vector<Layer>& layers, std::optional<std::size_t> alone,
            std::vector<Convolution>& all) {
  for (const auto& l : layers) {
    switch (l.kind) {
      case Kind::convolution:
        if (alone) all[*alone].readers.push_back(l.name + ".weight");
        alone = all.size();
        all.push_back({l.name, l.out, {l.name + ".weight"}, {}});
        if (l.bias.defined()) all.back().own.push_back(l.name + ".bias");
        break;
      case Kind::group_norm:
      case Kind::batch_norm:
        if (alone) {
          all[*alone].own.push_back(l.name + ".weight");
          all[*alone].own.push_back(l.name + ".bias");
        }
        break;
      case Kind::linear:
        if (alone) all[*alone].readers.push_back(l.name + ".weight");
        alone.reset();
        break;
      case Kind::residual:
        follow(l.shortcut, alone, all);
        follow(l.body, alone, all);
        alone.reset();
        break;
      case Kind::relu:
      case Kind::max_pool:
      case Kind::average_pool:
      case Kind::flatten:
        break;
    }
  }
}

}  // namespace

std::vector<Convolution> Network::convolutions() {
  std::vector<Convolution> all;
  follow(layers_, std::nullopt, all);
  return all;
}

Head Network::head() {
  const auto& last = layers_.back();  // all of networks.hpp end in a linear layer
  return {last.name, last.weight, last.bias};
}

}  // namespace afu::model
