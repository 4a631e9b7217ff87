#pragma once
/// Convolutions and poolings of images [B, C, H, W] and of volumes [B, C, D, H, W], whichever the operands are.
#include <torch/types.h>

#include <cstdint>
#include <vector>

namespace afu::model {

/// The kernel is as long, steps and is padded the same along each axis.
torch::Tensor convolution_of(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                             std::int64_t stride, std::int64_t padding, std::int64_t groups = 1);

/// Stride = kernel. Of volumes by two poolings of planes: the values and the gradients of max_pool3d, whose backward pass on
/// a GPU LibTorch refuses where runs are to repeat.
torch::Tensor max_pool(const torch::Tensor& x, std::int64_t kernel);

/// Over all pixels: -> [B, C].
torch::Tensor spatial_mean(const torch::Tensor& x);

/// `values` [N] as [N, 1, 1, ...], to be multiplied with x.
torch::Tensor per_sample(const torch::Tensor& values, const torch::Tensor& x);

}  // namespace afu::model
