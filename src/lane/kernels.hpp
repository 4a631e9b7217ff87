#pragma once
/// The table of named kernels: what `KernelJob::kernel` may say.
#include <string>
#include <vector>

#include "job/job.hpp"

namespace afu::engine {
class Workspace;
}
namespace afu::train {
class BatchedTraining;
}

namespace afu::lane {

using Kernel = job::JobResult (*)(engine::Workspace&, const job::KernelJob&);

/// Registers at start-up: `static const bool registered = register_kernel("fedquit", &fedquit);` does not
/// work from a static library, so kernels are listed in lane/kernels.cpp, one line each.
Kernel find_kernel(const std::string& name);  ///< null where there is none

/// Runs any job on the workspace. Never throws: errors come back in the result.
job::JobResult execute(engine::Workspace& workspace, const job::Job& job);

/// The same of training jobs that train::fit_together(), stepped together: their results in their order. What
/// goes wrong goes wrong for all.
std::vector<job::JobResult> execute_together(engine::Workspace& workspace, train::BatchedTraining& batched,
                                             const std::vector<const job::TrainJob*>& jobs);

}  // namespace afu::lane
