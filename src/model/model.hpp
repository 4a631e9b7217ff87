#pragma once
/// The networks clients train.
#include <torch/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "config/scenario_fwd.hpp"
#include "model/input_shape.hpp"
#include "model/parameters.hpp"

namespace afu::model {

/// The last linear layer: logits = features(x) weight^T + bias.
struct Head {
  std::string name;      ///< of its tensors: name.weight, name.bias
  torch::Tensor weight;  ///< the model's own, [classes, F]
  torch::Tensor bias;    ///< [classes]
};

/// A convolution and what its output channels appear in, by the parameters' names.
struct Convolution {
  std::string name;
  std::int64_t channels = 0;
  std::vector<std::string> own;  ///< [channels, ...]: filter, bias, scale and shift of the norm that follows
  /// [out, channels * k, ...]: the layers that read these channels and no sum they are a part of.
  std::vector<std::string> readers;
};

/// Sees a convolution's output [B, channels, H, W], of volumes [B, channels, D, H, W], before the norm. Later layers may
/// overwrite it.
using Observer = std::function<void(const std::string& convolution, const torch::Tensor& output)>;

/// A network with named parameters and floating-point buffers, in a fixed order.
class Model {
 public:
  virtual ~Model() = default;
  /// x [B, C, H, W], of volumes [B, C, D, H, W], float32 -> logits [B, classes].
  virtual torch::Tensor forward(const torch::Tensor& x) = 0;
  /// The forward pass, with `observe` called at every one of `convolutions()`.
  virtual torch::Tensor forward_observed(const torch::Tensor& x, const Observer&) { return forward(x); }
  /// Every convolution, none where the model's layers are not known.
  virtual std::vector<Convolution> convolutions() { return {}; }
  /// All but the last linear layer: x -> [B, F]. Throws std::runtime_error where it cannot be told apart.
  virtual torch::Tensor features(const torch::Tensor& x);
  /// Throws std::runtime_error where the last linear layer cannot be told apart.
  virtual Head head();
  virtual std::vector<std::pair<std::string, torch::Tensor>> named_parameters() = 0;
  virtual std::vector<std::pair<std::string, torch::Tensor>> named_buffers() = 0;
  /// true: BatchNorm uses batch statistics and updates its buffers. Erasure and calibration keep it false
  /// (src/methods/README.md, BatchNorm).
  virtual void train(bool on) = 0;
  /// The fewest samples that a training step takes: 2 where batch statistics of one would not exist.
  virtual std::int64_t least_training_batch() { return 1; }
  virtual void to(torch::Device device) = 0;
  /// The parameters this model was delivered with (a TorchScript file's own), or null: `initial_parameters`
  /// draws them.
  virtual ParametersPtr delivered_parameters(const std::shared_ptr<const Layout>&) { return nullptr; }
  /// Writes the network with its present parameters as a TorchScript archive. Throws std::runtime_error.
  virtual void save(const std::string& path);
};

/// Builds `section.name` for that input. Throws std::runtime_error where the input is too small for the
/// network, or a TorchScript file cannot be loaded, names its file, and does not give [B, classes].
std::unique_ptr<Model> make_model(const config::ModelSection& section, const InputShape& shape);
/// Names that `make_model` knows.

std::shared_ptr<const Layout> make_layout(Model& model);
/// A fresh initialisation (PyTorch's default bounds: U(-1/sqrt(fan_in), 1/sqrt(fan_in)); norms 1 and 0), from
/// `key` alone. A torchscript model starts from its file's parameters instead: only its author knows how they
/// are to begin.
ParametersPtr initial_parameters(Model& model, const std::shared_ptr<const Layout>& layout,
                                 const base::StreamKey& key);

/// Where the head lies in a flat vector: its weight, then its bias, without a gap.
struct HeadRange {
  std::int64_t offset = 0, classes = 0, features = 0;
  std::int64_t size() const { return classes * (features + 1); }
  torch::Tensor of(const torch::Tensor& flat) const { return flat.narrow(0, offset, size()); }
};
/// Throws as Model::head does.
HeadRange head_range(Model& model, const Layout& layout);

/// Makes the model's parameters, their gradients and its buffers views of three flat tensors, on `device`,
/// keeping their values; gradients become 0. backward() then accumulates in place (clear with
/// gradients.zero_()), except with create_graph, which makes new gradient tensors: use torch::autograd::grad
/// there. Model::to would undo the views.
struct FlatViews {
  torch::Tensor parameters, gradients, buffers;
};
FlatViews flatten_into_views(Model& model, const Layout& layout, torch::Device device);

/// Writes a TorchScript archive of the network with these parameters: `torch.jit.load(path)` in Python, no
/// code needed. (The five built-in networks are written out as TorchScript source; a torchscript model is
/// saved as itself.)
void save_model(const config::ModelSection& section, const InputShape& shape, const ParametersPtr& parameters,
                const std::string& path);

}  // namespace afu::model
