#include "model/model.hpp"

#include <stdexcept>

#include "model/networks.hpp"
#include "model/torchscript.hpp"

namespace afu::model {
namespace {

using Make = std::unique_ptr<Model> (*)(const config::ModelSection&, const InputShape&);
using LayerList = Layers (*)(const config::ModelSection&, const InputShape&);

template <LayerList layers>
std::unique_ptr<Model> network(const config::ModelSection& section, const InputShape& shape) {
  return std::make_unique<Network>(section.name, layers(section, shape), shape);
}

struct Entry {
  const char* name;
  Make make;
};

constexpr Entry kModels[] = {
    {"cnn", network<cnn_layers>},           {"cnn_small", network<cnn_small_layers>},
    {"lenet", network<lenet_layers>},       {"cnn_mnist", network<cnn_mnist_layers>},
    {"resnet18", network<resnet18_layers>}, {"mlp", network<mlp_layers>},
    {"logreg", network<logreg_layers>},     {"torchscript", make_torchscript},
};

void check_shape(const InputShape& s) {
  if (s.channels < 1 || s.height < 1 || s.width < 1 || s.classes < 2)
    throw std::runtime_error("model: images of " + std::to_string(s.channels) + " x " +
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
  std::string known;
  for (const auto& entry : kModels) {
    if (section.name == entry.name) return entry.make(section, shape);
    known += (known.empty() ? "" : ", ") + std::string(entry.name);
  }
  throw std::runtime_error("model.name is \"" + section.name + "\", allowed: " + known);
}

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const auto& entry : kModels) names.emplace_back(entry.name);
  return names;
}

void save_model(const config::ModelSection& section, const InputShape& shape, const ParametersPtr& parameters,
                const std::string& path) {
  torch::NoGradGuard no_grad;
  auto model = make_model(section, shape);
  if (!parameters || *make_layout(*model) != *parameters->layout)
    throw std::runtime_error(path + ": the parameters are not those of a \"" + section.name +
                             "\" for these images, nothing was written");
  assign(model->named_parameters(), parameters->layout->parameters, parameters->values);
  assign(model->named_buffers(), parameters->layout->buffers, parameters->buffers);
  model->save(path);
}

}  // namespace afu::model
