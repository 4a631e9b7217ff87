#pragma once
/// The calibration set as batches.
#include <cstdint>
#include <vector>

#include "compute/job.hpp"
#include "compute/workspace.hpp"

namespace afu::calibrate {

/// Some whole environments, next to each other in one batch.
struct Chunk {
  compute::Batch batch;
  std::vector<std::int64_t> sizes;
  bool clean = true;                 ///< the images as they are, no intervention
  torch::Tensor before{}, erased{};  ///< the teachers' log probabilities; undefined: not asked for
  std::int64_t rows() const { return batch.labels.size(0); }
};

struct Environments {
  std::vector<Chunk> chunks;
  std::int64_t count = 0;    ///< environments
  std::int64_t samples = 0;  ///< clean rows
};

/// One environment a set; empty and null ones are left out. They are taken through the network together up to
/// 512 rows: the gradient is still that of the whole set, the memory is bounded. Throws std::invalid_argument
/// where nothing is left.
Environments gather_environments(compute::Workspace& workspace, const std::vector<data::IndicesPtr>& sets);

/// Adds to each environment one for each of three interventions on its images, drawn from `key`: a random
/// patch, another intensity, a blur (METHODS 9.3).
void intervene(Environments& all, const sim::StreamKey& key);

}  // namespace afu::calibrate
