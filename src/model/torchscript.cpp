#include "model/torchscript.hpp"

#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>

#include <fstream>
#include <stdexcept>

#include "model/archive.hpp"

namespace afu::model {
namespace {

using NamedTensors = std::vector<std::pair<std::string, torch::Tensor>>;

bool is_tensor_slot(const c10::ClassTypePtr& type, std::size_t i) {
  return type->is_parameter(i) || type->is_buffer(i);
}

/// Tied weights come back from the file as two tensors on one storage: makes them one tensor again.
void tie_again(torch::jit::Module& module) {
  std::vector<torch::Tensor> seen;
  for (auto m : module.modules()) {
    const auto type = m.type();
    for (std::size_t i = 0; i < type->numAttributes(); ++i) {
      if (!is_tensor_slot(type, i) || !m._ivalue()->getSlot(i).isTensor()) continue;
      const auto t = m._ivalue()->getSlot(i).toTensor();
      if (!t.defined() || t.numel() == 0) continue;
      bool tied = false;
      for (const auto& other : seen)
        if (other.data_ptr() == t.data_ptr() && other.sizes() == t.sizes() &&
            other.strides() == t.strides()) {
          m._ivalue()->setSlot(i, other);
          tied = true;
          break;
        }
      if (!tied) seen.push_back(t);
    }
  }
}

template <class List, class Keep>
NamedTensors distinct(const List& list, const Keep& keep) {
  NamedTensors out;
  for (const auto& p : list) {
    if (!keep(p.value)) continue;
    bool known = false;
    for (const auto& [name, t] : out) known = known || t.is_same(p.value);
    if (!known) out.emplace_back(p.name, p.value);
  }
  return out;
}

/// The first operator of the graph that draws random numbers in training, or "".
std::string random_operator(torch::jit::Block* block) {
  for (auto* node : block->nodes()) {
    const std::string kind = node->kind().toQualString();
    // dropout(x, p, train): exported in evaluation mode, train is the constant false.
    const bool dropout = kind.find("dropout") != std::string::npos && node->inputs().size() > 2;
    if (dropout || node->isNondeterministic()) {
      const auto train = dropout ? torch::jit::toIValue(node->inputs()[2]) : c10::nullopt;
      if (!train || !train->isBool() || train->toBool()) return kind;
    }
    for (auto* inner : node->blocks())
      if (auto found = random_operator(inner); !found.empty()) return found;
  }
  return {};
}

torch::jit::Module load(const std::string& path) {
  if (path.empty())
    throw std::runtime_error("model.path is empty: model.name = \"torchscript\" needs a file");
  if (!std::ifstream(path))
    throw std::runtime_error(path + ": cannot open the TorchScript file (model.path)");
  try {
    auto module = torch::jit::load(path, torch::kCPU);
    tie_again(module);
    return module;
  } catch (const c10::Error& e) {
    throw std::runtime_error(path + ": not a TorchScript file: " + e.what_without_backtrace());
  }
}

class TorchScriptModel final : public Model {
 public:
  TorchScriptModel(std::string path, const InputShape& shape) : path_(std::move(path)), module_(load(path_)) {
    check_operators();
    check_tensors();
    try_out(shape);
  }

  torch::Tensor forward(const torch::Tensor& x) override {
    // The interpreter without the profiling optimiser: that one rewrites the graph after some calls, so that
    // a result would depend on how many jobs the lane has done before.
    torch::jit::GraphOptimizerEnabledGuard plain(false);
    return module_.forward({x}).toTensor();
  }
  NamedTensors named_parameters() override {
    return distinct(module_.named_parameters(), [](const torch::Tensor& t) { return t.requires_grad(); });
  }
  NamedTensors named_buffers() override {
    return distinct(module_.named_buffers(),
                    [](const torch::Tensor& t) { return t.defined() && t.is_floating_point(); });
  }
  void train(bool on) override { module_.train(on); }
  void to(torch::Device device) override { module_.to(device); }

  ParametersPtr delivered_parameters(const std::shared_ptr<const Layout>& layout) override {
    torch::NoGradGuard no_grad;
    const auto fresh = load(path_);  // this replica may hold any version by now
    auto p = std::make_shared<ParameterVector>();
    p->layout = layout;
    p->values = torch::empty({layout->parameter_count}, torch::kFloat32);
    p->buffers = torch::empty({layout->buffer_count}, torch::kFloat32);
    fill(p->values, layout->parameters, fresh.named_parameters());
    fill(p->buffers, layout->buffers, fresh.named_buffers());
    return p;
  }

  void save(const std::string& path) override { write_archive(module_, path); }

 private:
  [[noreturn]] void refuse(const std::string& why) const { throw std::runtime_error(path_ + ": " + why); }

  void check_operators() {
    const auto method = module_.find_method("forward");
    if (!method) refuse("the module has no forward method");
    auto graph = method->graph()->copy();
    torch::jit::Inline(*graph);
    const auto found = random_operator(graph->block());
    if (!found.empty())
      refuse("the module uses " + found +
             " in training, which draws from torch's global generator: parallel lanes share it and the run "
             "would not be "
             "reproducible. Export the module without it");
  }

  void check_tensors() {
    const auto parameters = named_parameters();
    if (parameters.empty())
      refuse("the module has no parameters that require gradients (was it frozen with torch.jit.freeze?)");
    for (const auto& list : {parameters, named_buffers()})
      for (const auto& [name, t] : list)
        if (t.scalar_type() != torch::kFloat32)
          refuse("'" + name + "' is " + c10::toString(t.scalar_type()) + ", only float32 can be trained");
  }

  void try_out(const InputShape& s) {
    torch::NoGradGuard no_grad;
    module_.eval();
    const auto input = torch::zeros({2, s.channels, s.height, s.width});
    const auto called = "called with images of " + std::to_string(s.channels) + " x " +
                        std::to_string(s.height) + " x " + std::to_string(s.width) + " the module ";
    c10::IValue result;
    try {
      torch::jit::GraphOptimizerEnabledGuard plain(false);
      result = module_.forward({input});
    } catch (const std::exception& e) {  // c10::Error, or the interpreter's own
      refuse(called + "fails: " + e.what());
    }
    if (!result.isTensor()) refuse(called + "gives a " + result.tagKind() + ", wanted one tensor of logits");
    const auto logits = result.toTensor();
    const std::vector<std::int64_t> wanted{2, s.classes};
    if (logits.sizes() != at::IntArrayRef(wanted) || logits.scalar_type() != torch::kFloat32)
      refuse(called + "gives " + c10::str(logits.sizes()) + " " + c10::toString(logits.scalar_type()) +
             " for a batch of 2, wanted " + c10::str(wanted) + " Float");
  }

  template <class List>
  static void fill(torch::Tensor& flat, const std::vector<Slot>& slots, const List& list) {
    for (const auto& p : list)
      for (const auto& s : slots)
        if (s.name == p.name) flat.narrow(0, s.offset, s.size).copy_(p.value.reshape({-1}));
  }

  std::string path_;
  torch::jit::Module module_;
};

}  // namespace

std::unique_ptr<Model> make_torchscript(const config::ModelSection& section, const InputShape& shape) {
  return std::make_unique<TorchScriptModel>(section.path, shape);
}

}  // namespace afu::model
