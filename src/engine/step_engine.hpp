#pragma once
/// Which engine takes a lane's training steps and evaluates: the fused step, autograd, or a step recorded in
/// CUDA graphs. The one place that decides, from the model and the device alone, so that a scenario
/// computes the same bits in every run.
#include <torch/types.h>

#include <optional>
#include <string>

#include "config/choices.hpp"
#include "engine/fused/plan.hpp"
#include "model/model.hpp"

namespace afu::engine {

struct StepChoice {
  std::optional<fused::Plan> plan;  ///< none: not fused
  bool recorded = false;            ///< local training takes graph::Step; everything else autograd
  /// And it does without autograd, with kernels of our own (graph/pieces.hpp), as merges then do.
  bool by_hand = false;
  std::string reason;  ///< "fused (AVX-512)", "autograd: conv1 ...": for notes and tables

  /// "fused", "graph", "kernels", "autograd": what compute.step would have to say for it.
  const char* engine() const;
};

/// `wanted`: compute.step, `precision`: compute.precision. "auto": fused or recorded where it is possible.
/// Throws std::invalid_argument where "fused", "graph" or "kernels" is not possible, saying why. A user's own
/// TorchScript module is not recorded: it may draw random numbers, and its interpreter compiles anew as it
/// learns about shapes.
StepChoice choose_step(model::Model& model, const model::Layout& layout, torch::Device device,
                       config::StepEngine wanted, config::Precision precision = config::Precision::fp32);

}  // namespace afu::engine
