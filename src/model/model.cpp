#include "model/model.hpp"

#include <stdexcept>

#include "config/sections/model.hpp"
#include "model/networks.hpp"
#include "model/torchscript.hpp"

namespace afu::model {
namespace {

Layers layers_of(const config::ModelSection& section, const InputShape& shape) {
  using Name = config::Architecture;
  switch (section.name) {
    case Name::cnn:
      return cnn_layers(section, shape);
    case Name::cnn_small:
      return cnn_small_layers(section, shape);
    case Name::lenet:
      return lenet_layers(section, shape);
    case Name::cnn_mnist:
      return cnn_mnist_layers(section, shape);
    case Name::resnet18:
      return resnet18_layers(section, shape);
    case Name::resnet50:
      return resnet50_layers(section, shape);
    case Name::mlp:
      return mlp_layers(section, shape);
    case Name::logreg:
      return logreg_layers(section, shape);
    case Name::torchscript:
      break;
  }
  throw std::logic_error("the layers of this model are not known");
}

void check_shape(const InputShape& s) {
  if (s.channels < 1 || s.depth < 1 || s.height < 1 || s.width < 1 || s.classes < 2)
    throw std::runtime_error("model: images of " + std::to_string(s.channels) + " x " +
                             (s.depth == 1 ? "" : std::to_string(s.depth) + " x ") +
                             std::to_string(s.height) + " x " + std::to_string(s.width) + " and " +
                             std::to_string(s.classes) +
                             " classes cannot be trained on: at least one channel and pixel, two classes");
}

/// Copies the vector's slots into the tensors of the same names.
void assign(const std::vector<std::pair<std::string, torch::Tensor>>& tensors, const std::vector<Slot>& slots,
            const torch::Tensor& flat) {
  std::size_t i = 0;
  for (auto [name, t] : tensors) {
    if (!t.is_floating_point()) continue;
    const auto& slot = slots.at(i++);
    t.copy_(flat.narrow(0, slot.offset, slot.size).view(slot.shape));
  }
}

[[noreturn]] void no_head() {
  throw std::runtime_error("this model has no separable head: its layers are not known");
}

}  // namespace

torch::Tensor Model::features(const torch::Tensor&) { no_head(); }
Head Model::head() { no_head(); }

void Model::save(const std::string& path) {
  throw std::runtime_error(path + ": this model cannot be written as TorchScript");
}

std::unique_ptr<Model> make_model(const config::ModelSection& section, const InputShape& shape) {
  check_shape(shape);
  if (config::traits(section.name).imported) return make_torchscript(section, shape);
  return std::make_unique<Network>(config::name_of(section.name), layers_of(section, shape), shape);
}

void save_model(const config::ModelSection& section, const InputShape& shape, const ParametersPtr& parameters,
                const std::string& path) {
  torch::NoGradGuard no_grad;
  auto model = make_model(section, shape);
  if (!parameters || *make_layout(*model) != *parameters->layout)
    throw std::runtime_error(path + ": the parameters are not those of a " + config::quoted(section.name) +
                             " for these images, nothing was written");
  assign(model->named_parameters(), parameters->layout->parameters, parameters->values);
  assign(model->named_buffers(), parameters->layout->buffers, parameters->buffers);
  model->save(path);
}

}  // namespace afu::model
