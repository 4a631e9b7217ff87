#pragma once
/// Eigenvectors of small symmetric matrices, the same bytes on every processor: LAPACK's go through a BLAS.
#include <torch/types.h>

#include <utility>

namespace afu::engine {

/// Eigenvalues [n], ascending, and eigenvectors as columns [n, n] of a symmetric matrix [n, n] of float64 on
/// the CPU. Cyclic Jacobi rotations (Golub and Van Loan, "Matrix Computations", 4th edition, section 8.5): for
/// n up to a few hundred. Throws std::invalid_argument for another shape or type, std::runtime_error where an
/// entry is not finite.
std::pair<torch::Tensor, torch::Tensor> symmetric_eigen(const torch::Tensor& matrix);

}  // namespace afu::engine
