#pragma once
/// Every kind of job that a lane may be given, so that any job can be read from bytes (job/bytes.hpp).
#include <vector>

#include "job/job.hpp"

namespace afu::lane {

/// Those of the floors below the methods, then those of each method's row (methods::Method::jobs). Names are unique.
const std::vector<job::JobType>& job_types();

}  // namespace afu::lane
