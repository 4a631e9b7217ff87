#include "engine/step_engine.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

#include "engine/graph/capture.hpp"
#include "engine/graph/pass.hpp"

namespace afu::engine {
namespace {

/// Neither fused nor recorded.
StepChoice autograd(std::string reason) { return {std::nullopt, false, false, std::move(reason)}; }

StepChoice fused_if_possible(const model::Model& model, const model::Layout& layout,
                             config::Precision precision) {
  const auto* network = dynamic_cast<const model::Network*>(&model);
  if (precision == config::Precision::bf16)
    return autograd("its kernels are fp32, compute.precision is bf16");
  if (!network) return autograd("the model's layers are not known");
  try {
    return {fused::make_plan(network->layers(), network->shape(), layout), false, false,
            fmt::format("fused ({})", device::cpu::kernels().name)};
  } catch (const std::invalid_argument& e) {
    return autograd(e.what());
  }
}

StepChoice recorded_if_possible(const model::Model& model, torch::Device device, config::Precision precision,
                                bool by_hand) {
  if (auto reason = graph::no_recordings_on(device.str()); !reason.empty())
    return autograd(std::move(reason));
  // Every kind of layer the built-in networks are made of can be recorded; of others nothing is known.
  const auto* network = dynamic_cast<const model::Network*>(&model);
  if (!network) return autograd("the model's layers are not known");
  if (!by_hand) return {std::nullopt, true, false, "graph: autograd recorded in CUDA graphs"};
  auto reason = precision == config::Precision::bf16
                    ? std::string("its kernels are fp32, compute.precision is bf16")
                : !graph::cuda_pieces() ? std::string("this afu is built without nvcc")
                                        : graph::Pass::refusal(*network);
  if (!reason.empty()) return autograd(std::move(reason));
  return {std::nullopt, true, true, "kernels: a step without autograd recorded in CUDA graphs"};
}

}  // namespace

const char* StepChoice::engine() const {
  if (plan) return "fused";
  if (!recorded) return "autograd";
  return by_hand ? "kernels" : "graph";
}

StepChoice choose_step(model::Model& model, const model::Layout& layout, torch::Device device,
                       config::StepEngine wanted, config::Precision precision) {
  using Step = config::StepEngine;
  if (wanted == Step::autograd) return autograd("autograd: compute.step says so");
  StepChoice choice;
  if (wanted == Step::fused && !device.is_cpu())
    choice.reason = "the device is " + device.str();
  else if (wanted == Step::graph || wanted == Step::kernels || !device.is_cpu())
    choice = recorded_if_possible(model, device, precision, wanted == Step::kernels);
  else
    choice = fused_if_possible(model, layout, precision);
  if (choice.plan || choice.recorded) return choice;
  if (wanted != Step::auto_)
    throw std::invalid_argument("compute.step is " + config::quoted(wanted) +
                                ", which this model or device does not allow: " + choice.reason);
  choice.reason = "autograd: " + choice.reason;
  return choice;
}

}  // namespace afu::engine
