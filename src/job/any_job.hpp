#pragma once
/// A job of any kind within a larger value: the name of its kind, then its fields.
#include <vector>

#include "job/job.hpp"

namespace afu::job {

void put_job(Sink& to, const Job& job);
/// Throws std::runtime_error where it is of none of `types`.
Job take_job(Source& from, const std::vector<JobType>& types);

}  // namespace afu::job
