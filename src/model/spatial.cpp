#include "model/spatial.hpp"

#include <ATen/Functions.h>

namespace afu::model {
namespace {

bool volumes(const torch::Tensor& x) { return x.dim() == 5; }

}  // namespace

torch::Tensor convolution_of(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                             std::int64_t stride, std::int64_t padding, std::int64_t groups) {
  return volumes(x) ? at::conv3d(x, weight, bias, stride, padding, 1, groups)
                    : at::conv2d(x, weight, bias, stride, padding, 1, groups);
}

torch::Tensor max_pool(const torch::Tensor& x, std::int64_t kernel) {
  if (!volumes(x)) return at::max_pool2d(x, kernel);
  // Within a slice the first of several maxima is taken, then the first slice: the first of all, as max_pool3d takes it.
  const auto in_planes = at::max_pool2d(x.flatten(1, 2), kernel);  // [B, C D, H', W']
  const auto height = in_planes.size(2), width = in_planes.size(3);
  const auto slices = in_planes.reshape({x.size(0), x.size(1), x.size(2), height * width});
  return at::max_pool2d(slices, {kernel, 1})
      .reshape({x.size(0), x.size(1), x.size(2) / kernel, height, width});
}

torch::Tensor spatial_mean(const torch::Tensor& x) {
  return volumes(x) ? at::mean(x, {2, 3, 4}) : at::mean(x, {2, 3});
}

torch::Tensor per_sample(const torch::Tensor& values, const torch::Tensor& x) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(x.dim()), 1);
  shape.front() = values.size(0);
  return values.view(shape);
}

}  // namespace afu::model
