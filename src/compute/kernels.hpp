#pragma once
/// The table of named kernels: what `KernelJob::kernel` may say.
#include <string>

#include "compute/job.hpp"

namespace afu::compute {

class Workspace;
using Kernel = JobResult (*)(Workspace&, const KernelJob&);

/// Registers at start-up: `static const bool registered = register_kernel("fedquit", &fedquit);` does not
/// work from a static library, so kernels are listed in compute/kernels.cpp, one line each.
Kernel find_kernel(const std::string& name);  ///< null where there is none

/// Runs any job on the workspace. Never throws: errors come back in the result.
JobResult execute(Workspace& workspace, const Job& job);

}  // namespace afu::compute
