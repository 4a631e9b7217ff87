#pragma once
/// Local training of several clients at a time on one lane, as one network (engine/batched_clients.hpp).
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "engine/batched_clients.hpp"
#include "engine/workspace.hpp"
#include "job/job.hpp"
#include "train/train_job.hpp"

namespace afu::train {

class BatchedTraining {
 public:
  /// The jobs' results in their order, as `run` gives each up to rounding, which depends on how many
  /// there are. Clients may have different versions, numbers of samples and of steps; one that is done first
  /// idles. The jobs must fit_together(). Always on the same workspace. Throws as BatchedClients does, and
  /// for a job that cannot be run.
  std::vector<job::JobResult> train(engine::Workspace& workspace, const std::vector<const TrainJob*>& jobs);

  void release_memory() { networks_.clear(); }

 private:
  engine::BatchedClients& network_for(engine::Workspace& workspace, std::int64_t clients);

  std::map<std::int64_t, std::unique_ptr<engine::BatchedClients>> networks_;  ///< by a power of two clients
};

}  // namespace afu::train
