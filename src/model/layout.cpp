/// Layouts, flat views and initialisation.
#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "model/model.hpp"

namespace afu::model {
namespace {

using NamedTensors = std::vector<std::pair<std::string, torch::Tensor>>;

NamedTensors floating_point(NamedTensors tensors) {
  NamedTensors out;
  for (auto& [name, t] : tensors)
    if (t.is_floating_point()) out.emplace_back(name, t);
  return out;
}

std::vector<Slot> make_slots(const NamedTensors& tensors, std::int64_t& total) {
  std::vector<Slot> slots;
  for (const auto& [name, t] : tensors) {
    if (t.scalar_type() != torch::kFloat32)
      throw std::runtime_error("model: '" + name + "' is " + std::string(c10::toString(t.scalar_type())) +
                               ", only float32 parameters and buffers can be trained");
    slots.push_back({name, t.sizes().vec(), total, t.numel()});
    total += t.numel();
  }
  return slots;
}

/// One flat tensor with the tensors' values, in the slots' order.
torch::Tensor gather(const NamedTensors& tensors, const std::vector<Slot>& slots, std::int64_t count,
                     torch::Device device) {
  if (tensors.size() != slots.size())
    throw std::logic_error("flatten_into_views: the layout is of another model");
  auto flat = torch::empty({count}, torch::dtype(torch::kFloat32).device(device));
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const auto& [name, t] = tensors[i];
    if (name != slots[i].name || t.sizes() != at::IntArrayRef(slots[i].shape))
      throw std::logic_error("flatten_into_views: the layout has '" + slots[i].name +
                             "' where the model has '" + name + "'");
    flat.narrow(0, slots[i].offset, slots[i].size).copy_(t.detach().reshape({-1}));
  }
  return flat;
}

torch::Tensor view(const torch::Tensor& flat, const Slot& slot) {
  return flat.narrow(0, slot.offset, slot.size).view(slot.shape);
}

/// "layer1.0.conv1.weight" -> {"layer1.0.conv1", "weight"}.
std::pair<std::string, std::string> split_name(const std::string& name) {
  const auto dot = name.rfind('.');
  if (dot == std::string::npos) return {"", name};
  return {name.substr(0, dot), name.substr(dot + 1)};
}

/// The weight that stands beside a weight or bias, its own slot for a weight. `slots` keeps them next to each
/// other.
const Slot& weight_of(const std::vector<Slot>& slots, std::size_t i) {
  const auto [owner, leaf] = split_name(slots[i].name);
  if (leaf == "weight") return slots[i];
  if (leaf == "bias" && i > 0 &&
      split_name(slots[i - 1].name) == std::make_pair(owner, std::string("weight")))
    return slots[i - 1];
  throw std::logic_error("initial_parameters: no rule for '" + slots[i].name + "'");
}

}  // namespace

std::shared_ptr<const Layout> make_layout(Model& model) {
  auto layout = std::make_shared<Layout>();
  layout->parameters = make_slots(model.named_parameters(), layout->parameter_count);
  layout->buffers = make_slots(floating_point(model.named_buffers()), layout->buffer_count);
  return layout;
}

const Slot& slot_named(const Layout& layout, const std::string& name) {
  for (const auto& slot : layout.parameters)
    if (slot.name == name) return slot;
  throw std::out_of_range("the layout has no parameter '" + name + "'");
}

HeadRange head_range(Model& model, const Layout& layout) {
  const auto head = model.head();
  const std::string name = head.name + ".weight";
  const auto& weight = slot_named(layout, name);
  if (slot_named(layout, head.name + ".bias").offset != weight.offset + weight.size)
    throw std::logic_error("head_range: the bias does not follow the weight");
  return {weight.offset, weight.shape.at(0), weight.shape.at(1)};
}

ParametersPtr initial_parameters(Model& model, const std::shared_ptr<const Layout>& layout,
                                 const base::StreamKey& key) {
  if (auto delivered = model.delivered_parameters(layout)) return delivered;
  base::Stream stream(key);
  auto p = std::make_shared<ParameterVector>();
  p->layout = layout;
  p->values = torch::empty({layout->parameter_count}, torch::kFloat32);
  p->buffers = torch::zeros({layout->buffer_count}, torch::kFloat32);
  for (std::size_t i = 0; i < layout->parameters.size(); ++i) {
    const auto& slot = layout->parameters[i];
    const auto& weight = weight_of(layout->parameters, i);
    float* out = p->values.data_ptr<float>() + slot.offset;
    if (weight.shape.size() < 2) {  // a norm's scale and shift
      std::fill(out, out + slot.size, &slot == &weight ? 1.0f : 0.0f);
      continue;
    }
    const auto fan_in = static_cast<double>(weight.size / weight.shape[0]);
    const auto bound = static_cast<float>(1.0 / std::sqrt(fan_in));
    for (std::int64_t k = 0; k < slot.size; ++k) {
      // 24 bits, so that 2u - 1 is exact in float32 and the product is rounded once, on every platform alike.
      const float u = static_cast<float>(stream.next_u32() >> 8) * 0x1p-24f;
      out[k] = bound * (2.0f * u - 1.0f);
    }
  }
  for (const auto& slot : layout->buffers) {
    const auto leaf = split_name(slot.name).second;
    if (leaf == "running_var")
      view(p->buffers, slot).fill_(1.0f);
    else if (leaf != "running_mean")
      throw std::logic_error("initial_parameters: no rule for the buffer '" + slot.name + "'");
  }
  return p;
}

FlatViews flatten_into_views(Model& model, const Layout& layout, torch::Device device) {
  torch::NoGradGuard no_grad;
  model.to(device);
  auto parameters = model.named_parameters();
  auto buffers = floating_point(model.named_buffers());
  FlatViews flat;
  flat.parameters = gather(parameters, layout.parameters, layout.parameter_count, device);
  flat.buffers = gather(buffers, layout.buffers, layout.buffer_count, device);
  flat.gradients = torch::zeros_like(flat.parameters);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    auto& t = parameters[i].second;
    t.set_data(view(flat.parameters, layout.parameters[i]));
    t.set_requires_grad(true);
    t.mutable_grad() = view(flat.gradients, layout.parameters[i]);
  }
  for (std::size_t i = 0; i < buffers.size(); ++i)
    buffers[i].second.set_data(view(flat.buffers, layout.buffers[i]));
  return flat;
}

}  // namespace afu::model
