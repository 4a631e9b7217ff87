#include "compute/step_engine.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

#include "compute/graph/recorder.hpp"

namespace afu::compute {
namespace {

StepChoice fused_if_possible(const model::Model& model, const model::Layout& layout,
                             const std::string& precision) {
  const auto* network = dynamic_cast<const model::Network*>(&model);
  if (precision == "bf16") return {std::nullopt, false, "its kernels are fp32, compute.precision is bf16"};
  if (!network) return {std::nullopt, false, "the model's layers are not known"};
  try {
    return {fused::make_plan(network->layers(), network->shape(), layout), false,
            fmt::format("fused ({})", fused::kernels().name)};
  } catch (const std::invalid_argument& e) {
    return {std::nullopt, false, e.what()};
  }
}

StepChoice recorded_if_possible(const model::Model& model, torch::Device device) {
  if (auto reason = graph::no_recordings_on(device.str()); !reason.empty())
    return {std::nullopt, false, std::move(reason)};
  // Every kind of layer the built-in networks are made of can be recorded; of others nothing is known.
  if (!dynamic_cast<const model::Network*>(&model))
    return {std::nullopt, false, "the model's layers are not known"};
  return {std::nullopt, true, "graph: autograd recorded in CUDA graphs"};
}

}  // namespace

StepChoice choose_step(model::Model& model, const model::Layout& layout, torch::Device device,
                       const std::string& wanted, const std::string& precision) {
  if (wanted != "auto" && wanted != "fused" && wanted != "autograd" && wanted != "graph")
    throw std::invalid_argument("compute.step is \"" + wanted + "\", allowed: auto, fused, autograd, graph");
  if (wanted == "autograd") return {std::nullopt, false, "autograd: compute.step says so"};
  StepChoice choice;
  if (wanted == "fused" && !device.is_cpu())
    choice.reason = "the device is " + device.str();
  else if (wanted == "graph" || !device.is_cpu())
    choice = recorded_if_possible(model, device);
  else
    choice = fused_if_possible(model, layout, precision);
  if (choice.plan || choice.recorded) return choice;
  if (wanted != "auto")
    throw std::invalid_argument("compute.step is \"" + wanted +
                                "\", which this model or device does not allow: " + choice.reason);
  choice.reason = "autograd: " + choice.reason;
  return choice;
}

}  // namespace afu::compute
