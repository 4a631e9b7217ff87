#pragma once
/// Linear algebra on whole vectors.
#include "engine/combine_job.hpp"
#include "engine/workspace.hpp"

namespace afu::engine {

/// The one output of a combination, on the workspace's device. Throws as `run` of a CombineJob does.
ParametersPtr combined(Workspace& workspace, const Combination& combination);

/// What G(v) subtracts of g: G(v) = v - guard_coefficient(v, g) * g, the coefficient being min(g.v, 0)/g.g (0
/// where g is zero). One-sided: src/calibrate/README.md, Guard.
double guard_coefficient(const torch::Tensor& v, const torch::Tensor& g);

}  // namespace afu::engine
