#pragma once
/// The guard's subspace (src/calibrate/README.md, Guard).
#include <torch/types.h>

#include <cstdint>

namespace afu::calibrate {

/// An orthonormal basis [k, d] of the `most` strongest directions of the rows of `vectors` [n, d], float32,
/// by the eigenvectors of their Gram matrix; directions below 1e-6 of the strongest are left out, so k may be
/// smaller.
torch::Tensor leading_directions(const torch::Tensor& vectors, std::int64_t most);

}  // namespace afu::calibrate
