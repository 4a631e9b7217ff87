#pragma once
/// The torch-free side of setting a run up: initial model, sizes, lanes.
#include <cstdint>
#include <string>
#include <vector>

#include "compute/engine.hpp"
#include "data/dataset.hpp"
#include "model/parameters_fwd.hpp"

namespace afu::compute {

struct ModelInput {
  std::int64_t channels = 1, height = 0, width = 0, classes = 0;
};

/// Version 0: from (seed, "init") alone. Throws as model::make_model does.
model::ParametersPtr initial_model(const config::ModelSection& section, const ModelInput& input,
                                   std::uint64_t seed);

/// Parameters and buffers as they travel, without making a version.
std::int64_t model_bytes(const config::ModelSection& section, const ModelInput& input);

/// Lanes on every device of `wanted` (resolved names), the pool resident once a device: `lanes` each (0: as
/// many as cores, or 4 a GPU), fewer where memory does not allow more, said in `notes`, as is which engine
/// takes the CPU's training steps; then one service lane on the first device. `step`: compute.step. Throws
/// std::runtime_error where not even one lane fits, std::invalid_argument where "fused" cannot be had.
std::vector<EngineSpec> open_lanes(const std::vector<std::string>& wanted, std::int64_t lanes,
                                   const config::ModelSection& section, const ModelInput& input,
                                   std::int64_t batch, std::shared_ptr<const data::Images> pool,
                                   const std::string& step, std::vector<std::string>& notes);

/// Writes `parameters` as TorchScript: see model::save_model.
void save(const config::ModelSection& section, const ModelInput& input,
          const model::ParametersPtr& parameters, const std::string& path);

}  // namespace afu::compute
