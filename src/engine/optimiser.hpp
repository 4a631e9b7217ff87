#pragma once
/// The step of local training: SGD, or Adam where the job says so.
#include <torch/types.h>

#include <cstdint>
#include <optional>

#include "engine/adam_settings.hpp"
#include "engine/sgd.hpp"

namespace afu::engine {

/// What an optimiser keeps from step to step of one job; fresh in each.
struct OptimiserState {
  torch::Tensor momentum;  ///< SGD's, zeros as long as the weights; only looked at where sgd.momentum != 0
  torch::Tensor mean, square;  ///< Adam's moments; undefined before its first step
  std::int64_t steps = 0;      ///< Adam's
};

/// One step of Adam in place, of one model [d] or of several [K, d]: PyTorch's, with the gradient that sgd_step would
/// step with (pulls, mask, clipping by each model's norm). s.weight_decay counts in it, or, where `adam.decoupled`, the
/// weights that the mask lets move are first multiplied by 1 - s.lr * s.weight_decay. `g` is scratch afterwards. No host
/// synchronisation on a GPU.
void adam_step(torch::Tensor& w, torch::Tensor& g, OptimiserState& state, const torch::Tensor& base,
               const SgdSettings& s, const AdamSettings& adam, const StepExtras* extras = nullptr);

/// adam_step, or sgd_step where there is no `adam`.
void optimiser_step(torch::Tensor& w, torch::Tensor& g, OptimiserState& state, const torch::Tensor& base,
                    const SgdSettings& s, const std::optional<AdamSettings>& adam,
                    const StepExtras* extras = nullptr);

}  // namespace afu::engine
