#pragma once
/// The table of named kernels: what `KernelJob::kernel` may say.
#include <string>
#include <vector>

#include "job/job.hpp"

namespace afu::train {
class BatchedTraining;
}

namespace afu::compute {

class Workspace;
using Kernel = JobResult (*)(Workspace&, const KernelJob&);

/// Registers at start-up: `static const bool registered = register_kernel("fedquit", &fedquit);` does not
/// work from a static library, so kernels are listed in lane/kernels.cpp, one line each.
Kernel find_kernel(const std::string& name);  ///< null where there is none

/// Runs any job on the workspace. Never throws: errors come back in the result.
JobResult execute(Workspace& workspace, const Job& job);

/// The same of training jobs that train::fit_together(), stepped together: their results in their order. What
/// goes wrong goes wrong for all.
std::vector<JobResult> execute_together(Workspace& workspace, train::BatchedTraining& batched,
                                        const std::vector<const TrainJob*>& jobs);

}  // namespace afu::compute
