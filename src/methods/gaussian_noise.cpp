#include "methods/gaussian_noise.hpp"

namespace afu::methods {

void add_gaussian_noise(torch::Tensor& vector, double sigma, const base::StreamKey& key) {
  base::Stream stream(key);
  auto noise = torch::empty({vector.numel()}, torch::kFloat32);
  auto* p = noise.data_ptr<float>();
  for (std::int64_t i = 0; i < noise.numel(); ++i) p[i] = static_cast<float>(sigma * stream.normal());
  vector.add_(noise.to(vector.device()));
}

}  // namespace afu::methods
