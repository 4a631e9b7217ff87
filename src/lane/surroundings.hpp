#pragma once
#include <string>

#include "data/dataset.hpp"
#include "lane/engine.hpp"

namespace afu::lane {

/// Of the pool's images and labels by content: who has the same key has the same data.
std::string pool_key(const data::Images& pool);

/// Of everything that a job's result depends on beside the job (job::key_of): device, model, and the pool's images and
/// labels by content.
std::string surroundings_key(const EngineSpec& spec, const data::Images& pool);

}  // namespace afu::lane
