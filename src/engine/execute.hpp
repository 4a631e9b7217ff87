#pragma once
/// Runs jobs: whatever goes wrong comes back in the result.
#include <functional>

#include "job/job.hpp"

namespace afu::engine {

/// What `compute` returns, with its time, or its error. `name`: of the job. Never throws. The outputs are complete when
/// it returns.
job::JobResult attempt(Workspace& workspace, const char* name,
                       const std::function<job::JobResult()>& compute);

/// Runs any job on the workspace, and looks whether what it made is finite. Never throws.
job::JobResult execute(Workspace& workspace, const job::Job& job);

}  // namespace afu::engine
