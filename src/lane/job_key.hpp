#pragma once
/// What a job computes, as a name: two jobs of one key have the same result.
#include <string>

#include "job/job.hpp"
#include "lane/engine.hpp"

namespace afu::lane {

/// Of everything that a job's result depends on beside the job: device, model, and the pool's images and
/// labels by content.
std::string surroundings_key(const EngineSpec& spec, const data::Images& pool);

/// SHA-256 (hex) over `surroundings` and every field of the job; vectors and rows count by content. One pass
/// over the vectors it names, on the calling thread.
std::string job_key(const std::string& surroundings, const job::Job& job);

}  // namespace afu::lane
