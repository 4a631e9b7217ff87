#pragma once
/// The networks clients train.
#include <torch/types.h>

#include <memory>
#include <string>
#include <vector>

#include "config/scenario.hpp"
#include "model/parameters.hpp"
#include "sim/random.hpp"

namespace afu::model {

struct InputShape {
  std::int64_t channels = 1, height = 28, width = 28, classes = 2;
};

/// A network with named parameters and floating-point buffers, in a fixed order.
class Model {
 public:
  virtual ~Model() = default;
  /// x [B, C, H, W] float32 -> logits [B, classes].
  virtual torch::Tensor forward(const torch::Tensor& x) = 0;
  virtual std::vector<std::pair<std::string, torch::Tensor>> named_parameters() = 0;
  virtual std::vector<std::pair<std::string, torch::Tensor>> named_buffers() = 0;
  /// true: BatchNorm uses batch statistics and updates its buffers. Erasure and calibration keep it false
  /// (METHODS 1).
  virtual void train(bool on) = 0;
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
std::vector<std::string> model_names();

std::shared_ptr<const Layout> make_layout(Model& model);
/// A fresh initialisation (PyTorch's default bounds: U(-1/sqrt(fan_in), 1/sqrt(fan_in)); norms 1 and 0), from
/// `key` alone. A torchscript model starts from its file's parameters instead: only its author knows how they
/// are to begin.
ParametersPtr initial_parameters(Model& model, const std::shared_ptr<const Layout>& layout,
                                 const sim::StreamKey& key);

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
