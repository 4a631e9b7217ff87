#pragma once
/// Noise that hides what is left of a client in a vector.
#include <torch/types.h>

#include "base/random.hpp"

namespace afu::methods {

/// Adds N(0, sigma^2) to each element of `vector` [d], float32, in place, by draws that `key` names on the host: the same on
/// every device.
void add_gaussian_noise(torch::Tensor& vector, double sigma, const base::StreamKey& key);

}  // namespace afu::methods
