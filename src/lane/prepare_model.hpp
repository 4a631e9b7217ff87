#pragma once
/// The torch-free side of setting a run up: initial model, sizes, lanes.
#include <cstdint>
#include <string>
#include <vector>

#include "config/scenario_fwd.hpp"
#include "data/dataset.hpp"
#include "lane/engine.hpp"
#include "model/parameters_fwd.hpp"

namespace afu::lane {

struct ModelInput {
  std::int64_t channels = 1, height = 0, width = 0, classes = 0;
  std::int64_t depth = 1;  ///< slices of a volume; 1: images
};

/// Version 0 of weights that are drawn: from (seed, "init") alone. Throws as model::make_model does.
model::ParametersPtr initial_model(const config::ModelSection& section, const ModelInput& input,
                                   std::uint64_t seed);

/// Version 0 from a saved model: `path` is an archive, or a run's folder, whose model.pt it is. Throws as
/// model::read_parameters does, and InputError where it holds what is not finite.
model::ParametersPtr saved_model(const config::ModelSection& section, const ModelInput& input,
                                 const std::string& path);

/// Parameters and buffers as they travel, without making a version.
std::int64_t model_bytes(const config::ModelSection& section, const ModelInput& input);

/// Whether the model has floating-point buffers: BatchNorm's running statistics, as a rule.
bool has_buffers(const config::ModelSection& section, const ModelInput& input);

/// See Model::least_training_batch.
std::int64_t least_training_batch(const config::ModelSection& section, const ModelInput& input);

/// What lanes will be asked for.
struct LaneWork {
  std::int64_t training_batch = 1, largest_batch = 1;  ///< samples
  std::int64_t clients = 1;                            ///< that train at a time
  std::int64_t moments = 0;                            ///< vectors that their optimiser keeps beside momentum
};

/// Lanes on every one of `slots` (resolved names; one that is there twice counts as two devices), as
/// plan_lanes has it and `section` asks for; then one service lane on the first slot. Each slot has the data
/// in its own memory, where the CPU's first slot reads `pool` itself, and an admission of its own. `notes` say, now
/// and later, what the user should know: which engine takes training steps, how many clients it steps
/// together, lanes that do not fit, memory that runs out. Throws as plan_lanes does, and
/// std::invalid_argument where section.step or section.batched_clients cannot be had.
std::vector<EngineSpec> open_lanes(const config::ComputeSection& section,
                                   const std::vector<std::string>& slots, const config::ModelSection& model,
                                   const ModelInput& input, const LaneWork& work,
                                   const std::shared_ptr<const data::Images>& pool,
                                   const std::shared_ptr<device::Notes>& notes);

/// Writes `parameters` as TorchScript: see model::save_model.
void save(const config::ModelSection& section, const ModelInput& input,
          const model::ParametersPtr& parameters, const std::string& path);

}  // namespace afu::lane
