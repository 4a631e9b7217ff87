#pragma once
/// What an erasure leaves of the target in a network's running statistics, taken out.
#include <vector>

#include "engine/combine_job.hpp"
#include "job/job.hpp"

namespace afu::methods {

struct StatisticsJob {
  static constexpr const char* name = "batch_statistics";
  engine::Combination model;
  std::vector<base::IndicesPtr> samples;  ///< sets of rows, used as one batch; null ones are left out
};
AFU_FIELDS(StatisticsJob, model, samples)

/// Output 0: the model, whole, with its running statistics (BatchNorm's mean and variance) taken anew on all of
/// `samples`; nothing of the old ones stays. Buffers that a training pass leaves alone are no statistics and stay. Costs
/// `statistics_passes` a sample. Throws std::invalid_argument where there are no samples, and std::runtime_error where
/// buffers are changed by training and are no moving averages of the batches.
job::JobResult run(engine::Workspace& workspace, const StatisticsJob& job);

/// In sample gradients: four forward passes.
constexpr double statistics_passes = 4.0 / 3.0;

}  // namespace afu::methods
