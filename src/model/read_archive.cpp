/// Reading a saved version back.
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include <map>
#include <stdexcept>

#include "model/archive.hpp"

namespace afu::model {
namespace {

using Named = std::map<std::string, torch::Tensor>;

torch::Tensor flat(const std::string& path, const Named& tensors, const std::vector<Slot>& slots,
                   std::int64_t count) {
  auto all = torch::empty({count}, torch::kFloat32);
  for (const auto& slot : slots) {
    const auto found = tensors.find(slot.name);
    if (found == tensors.end())
      throw std::runtime_error(path + ": not a model of this scenario: it has no '" + slot.name + "'");
    if (found->second.sizes() != at::IntArrayRef(slot.shape))
      throw std::runtime_error(path + ": not a model of this scenario: '" + slot.name + "' is " +
                               c10::str(found->second.sizes()) + ", wanted " +
                               c10::str(at::IntArrayRef(slot.shape)));
    all.narrow(0, slot.offset, slot.size).copy_(found->second.reshape({-1}));
  }
  return all;
}

}  // namespace

ParametersPtr read_parameters(const std::string& path, const std::shared_ptr<const Layout>& layout) {
  torch::NoGradGuard no_grad;
  Named parameters, buffers;
  try {
    const auto module = torch::jit::load(path, torch::kCPU);
    for (const auto& p : module.named_parameters()) parameters[p.name] = p.value;
    for (const auto& b : module.named_buffers()) buffers[b.name] = b.value;
  } catch (const c10::Error& e) {
    throw std::runtime_error(path + ": cannot read the model: " + e.what_without_backtrace());
  }
  auto v = std::make_shared<ParameterVector>();
  v->layout = layout;
  v->values = flat(path, parameters, layout->parameters, layout->parameter_count);
  v->buffers = flat(path, buffers, layout->buffers, layout->buffer_count);
  return v;
}

}  // namespace afu::model
