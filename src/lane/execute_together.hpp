#pragma once
#include <vector>

#include "train/train_job.hpp"

namespace afu::train {
class BatchedTraining;
}

namespace afu::lane {

/// Training jobs that train::fit_together(), stepped together: their results in their order. What goes wrong goes
/// wrong for all. Never throws.
std::vector<job::JobResult> execute_together(engine::Workspace& workspace, train::BatchedTraining& batched,
                                             const std::vector<const train::TrainJob*>& jobs);

}  // namespace afu::lane
