#pragma once
/// Linear algebra on whole vectors.
#include "engine/workspace.hpp"
#include "job/job.hpp"

namespace afu::engine {

/// Computes every combination and its cosines on the workspace's device; operands of other devices are
/// copied there. Touches neither the workspace's replica nor its buffers. A combination without start and
/// terms is a vector of zeros. Throws std::invalid_argument for a null vector in a term and for sizes that do
/// not fit together.
job::JobResult combine(Workspace& workspace, const job::CombineJob& job);

/// What G(v) subtracts of g: G(v) = v - guard_coefficient(v, g) * g, the coefficient being min(g.v, 0)/g.g
/// (0 where g is zero). METHODS 9.4, one-sided.
double guard_coefficient(const torch::Tensor& v, const torch::Tensor& g);

}  // namespace afu::engine
