#pragma once
/// What the erasure kernels share.
#include "compute/job.hpp"
#include "compute/workspace.hpp"
#include "model/parameters.hpp"

namespace afu::unlearn {

/// Input `index` of the job. Throws std::invalid_argument, naming `what`, where it is missing or null.
const model::ParametersPtr& required_input(const compute::KernelJob& job, std::size_t index,
                                           const char* what);

/// The job's first sample set. Throws std::invalid_argument where it is missing, null or empty.
const data::IndicesPtr& forget_set(const compute::KernelJob& job);

/// Throws std::runtime_error where a value is infinite or not a number: an erasure that diverged must not
/// reach the model.
void check_finite(const model::ParameterVector& v);

/// lr, momentum and clip_norm of the job's settings.
compute::SgdSettings sgd_settings(const compute::KernelJob& job);

}  // namespace afu::unlearn
