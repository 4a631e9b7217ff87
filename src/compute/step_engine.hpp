#pragma once
/// Which engine takes a lane's training steps and evaluates: the fused step or autograd. The one place that
/// decides, from the model and the device alone, so that a scenario computes the same bits in every run.
#include <torch/types.h>

#include <optional>
#include <string>

#include "compute/fused/plan.hpp"
#include "model/model.hpp"

namespace afu::compute {

struct StepChoice {
  std::optional<fused::Plan> plan;  ///< none: autograd
  std::string reason;               ///< "fused (AVX-512)", "autograd: conv1 ...": for notes and tables
};

/// `wanted`: compute.step. "auto": fused where it is possible. Throws std::invalid_argument where "fused" is
/// not possible, saying why.
StepChoice choose_step(model::Model& model, const model::Layout& layout, torch::Device device,
                       const std::string& wanted);

}  // namespace afu::compute
