#include "compute/step_engine.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace afu::compute {
namespace {

StepChoice fused_if_possible(model::Model& model, const model::Layout& layout, torch::Device device) {
  if (!device.is_cpu()) return {std::nullopt, "the device is " + device.str()};
  const auto* network = dynamic_cast<const model::Network*>(&model);
  if (!network) return {std::nullopt, "the model's layers are not known"};
  try {
    return {fused::make_plan(network->layers(), network->shape(), layout),
            fmt::format("fused ({})", fused::kernels().name)};
  } catch (const std::invalid_argument& e) {
    return {std::nullopt, e.what()};
  }
}

}  // namespace

StepChoice choose_step(model::Model& model, const model::Layout& layout, torch::Device device,
                       const std::string& wanted) {
  if (wanted != "auto" && wanted != "fused" && wanted != "autograd")
    throw std::invalid_argument("compute.step is \"" + wanted + "\", allowed: auto, fused, autograd");
  if (wanted == "autograd") return {std::nullopt, "autograd: compute.step says so"};
  auto choice = fused_if_possible(model, layout, device);
  if (choice.plan) return choice;
  if (wanted == "fused")
    throw std::invalid_argument("compute.step is \"fused\", which this model or device does not allow: " +
                                choice.reason);
  choice.reason = "autograd: " + choice.reason;
  return choice;
}

}  // namespace afu::compute
