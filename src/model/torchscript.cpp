#include "model/torchscript.hpp"

#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/runtime/jit_exception.h>

#include "base/input_error.hpp"
#include "config/sections/model.hpp"
#include "model/archive.hpp"
#include "model/import_module.hpp"
#include "model/operators.hpp"
#include "model/torch_errors.hpp"

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

torch::jit::Module load(const std::string& path) {
  if (path.empty()) throw InputError("model.path is empty: model.name = \"torchscript\" needs a file");
  auto module = import_module(path);
  tie_again(module);
  return module;
}

std::string images_of(const InputShape& s, std::int64_t batch) {
  const std::string one = s.volumes() ? " volume" : " image";
  return std::to_string(batch) + one + (batch == 1 ? "" : "s") + " of " + std::to_string(s.channels) +
         (s.volumes() ? " x " + std::to_string(s.depth) : "") + " x " + std::to_string(s.height) + " x " +
         std::to_string(s.width);
}

class TorchScriptModel final : public Model {
 public:
  TorchScriptModel(std::string path, const InputShape& shape)
      : path_(std::move(path)), module_(load(path_)), shape_(shape) {
    if (!module_.find_method("forward")) refuse("the module has no forward method");
    if (const auto why = not_reproducible(module_); !why.empty()) refuse(why);
    check_tensors();
    try_out();
    module_.eval();
  }

  torch::Tensor forward(const torch::Tensor& x) override {
    // The interpreter without the profiling optimiser: that one rewrites the graph after some calls, so that
    // a result would depend on how many jobs the lane has done before.
    torch::jit::GraphOptimizerEnabledGuard plain(false);
    try {
      return module_.forward({x}).toTensor();
    } catch (const c10::Error& e) {
      fail(x, e);
    } catch (const torch::jit::JITException& e) {
      fail(x, e);
    }
  }
  NamedTensors named_parameters() override {
    return distinct(module_.named_parameters(), [](const torch::Tensor& t) { return t.requires_grad(); });
  }
  NamedTensors named_buffers() override {
    return distinct(module_.named_buffers(),
                    [](const torch::Tensor& t) { return t.defined() && t.is_floating_point(); });
  }
  void train(bool on) override { module_.train(on); }
  std::int64_t least_training_batch() override { return least_training_batch_; }
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
  [[noreturn]] void refuse(const std::string& why) const { throw InputError(path_ + ": " + why); }
  [[noreturn]] void fail(const torch::Tensor& x, const std::exception& e) const {
    throw std::runtime_error(path_ + ": the module fails on a batch of " + c10::str(x.sizes()) + ": " +
                             plain_reason(e));
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

  /// Called as training and evaluation will call it: batches of several sizes, with and without gradients. On
  /// a copy, since training changes BatchNorm's statistics.
  void try_out() {
    const torch::AutoGradMode with_gradients(true);  // whoever asks may have them off
    auto trial = load(path_);
    trial.eval();
    for (const std::int64_t batch : {3, 2, 1}) check_logits(trial, batch);
    trial.train();
    const auto logits = check_logits(trial, 3);
    if (!logits.requires_grad())
      refuse("the module's logits do not depend on parameters that require gradients");
    try {
      logits.sum().backward();
    } catch (const std::exception& e) {
      refuse("the module's gradients cannot be computed: " + plain_reason(e));
    }
    try {
      torch::NoGradGuard no_grad;
      call(trial, 1);
    } catch (const std::exception&) {  // batch statistics of one value, for one
      least_training_batch_ = 2;
      torch::NoGradGuard no_grad;
      check_logits(trial, 2);
    }
  }

  c10::IValue call(torch::jit::Module& module, std::int64_t batch) const {
    torch::jit::GraphOptimizerEnabledGuard plain(false);
    return module.forward({torch::zeros(shape_.batch(batch))});
  }

  torch::Tensor check_logits(torch::jit::Module& module, std::int64_t batch) const {
    const auto called = std::string("called ") + (module.is_training() ? "in training " : "") + "with " +
                        images_of(shape_, batch) + " the module ";
    c10::IValue result;
    try {
      result = call(module, batch);
    } catch (const std::exception& e) {  // c10::Error, or the interpreter's own
      refuse(called + "fails: " + plain_reason(e) +
             " (images are float32 [B, C, H, W], scaled to (x / 255 - 0.5) / 0.5)");
    }
    if (!result.isTensor()) refuse(called + "gives a " + result.tagKind() + ", wanted one tensor of logits");
    const auto logits = result.toTensor();
    const std::vector<std::int64_t> wanted{batch, shape_.classes};
    if (logits.sizes() != at::IntArrayRef(wanted) || logits.scalar_type() != torch::kFloat32)
      refuse(called + "gives " + c10::str(logits.sizes()) + " " + c10::toString(logits.scalar_type()) +
             ", wanted " + c10::str(at::IntArrayRef(wanted)) + " Float: a row of logits an image");
    return logits;
  }

  template <class List>
  static void fill(torch::Tensor& flat, const std::vector<Slot>& slots, const List& list) {
    for (const auto& p : list)
      for (const auto& s : slots)
        if (s.name == p.name) flat.narrow(0, s.offset, s.size).copy_(p.value.reshape({-1}));
  }

  std::string path_;
  torch::jit::Module module_;
  InputShape shape_;
  std::int64_t least_training_batch_ = 1;
};

}  // namespace

std::unique_ptr<Model> make_torchscript(const config::ModelSection& section, const InputShape& shape) {
  return std::make_unique<TorchScriptModel>(section.path, shape);
}

}  // namespace afu::model
