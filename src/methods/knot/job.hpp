#pragma once
/// What KNOT's server measures of its clusters (Su and Li 2023; README.md, item 4), as it is asked for.
#include <cstdint>
#include <vector>

#include "job/job.hpp"

namespace afu::methods {

struct AccuraciesJob {
  static constexpr const char* name = "accuracies";
  std::vector<model::ParametersPtr> models;
  base::IndicesPtr rows;
  std::int64_t batch_size = 256;
};
AFU_FIELDS(AccuraciesJob, models, rows, batch_size)

/// Numbers: the accuracy of each model on the rows, in [0, 1], in eval mode. Throws std::invalid_argument without rows,
/// and where a model is missing.
job::JobResult run(engine::Workspace& workspace, const AccuraciesJob& job);

}  // namespace afu::methods
