#pragma once
/// A network whose forward passes compute in bfloat16.
#include <memory>

#include "model/model.hpp"

namespace afu::model {

/// `inner` with its forward passes under LibTorch's autocast on `device`: convolutions and matrix products
/// take bfloat16 factors, and what LibTorch holds too delicate for that (losses, most norms) stays float32.
/// Weights, their gradients and all that the passes return are float32. Everything else is `inner`'s.
std::unique_ptr<Model> with_bf16(std::unique_ptr<Model> inner, torch::Device device);

}  // namespace afu::model
