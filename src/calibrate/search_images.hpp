#pragma once
/// The images that patterns are searched on.
#include <vector>

#include "engine/workspace.hpp"
#include "job/job.hpp"

namespace afu::calibrate {

/// The first 512 rows of the sets, as one batch; null sets are left out. Throws std::invalid_argument where there are none.
engine::Batch search_images(engine::Workspace& workspace, const std::vector<base::IndicesPtr>& sets);

}  // namespace afu::calibrate
