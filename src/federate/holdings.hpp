#pragma once
/// What a run stands on before anything is computed: who holds what, what each request covers, and what is
/// measured on what. `afu check` and a run gather the same, so that what one refuses the other does too.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "attack/plan.hpp"
#include "config/scenario_fwd.hpp"
#include "data/dataset.hpp"
#include "job/job.hpp"
#include "lane/prepare_model.hpp"
#include "metrics/evaluate_job.hpp"

namespace afu::federate {

struct Holdings {
  /// With the clients and rows of erasures that name their samples (data::name_requests); else as it was given.
  std::shared_ptr<const config::Scenario> scenario;
  /// Null in timing-only runs of generated data, where nothing is trained, so nothing is generated.
  std::shared_ptr<const data::FederatedData> data;
  std::vector<std::uint32_t> samples;    ///< training samples of each client
  std::vector<data::IndicesPtr> forget;  ///< data::requested_rows; empty without data
  lane::ModelInput input;
  std::shared_ptr<const metrics::EvaluationSets> evaluation;  ///< null in timing-only runs
  attack::PlanPtr attacks;                                    ///< null: nothing is attacked
  /// What the source left out, how the images were divided, where the data give less than was asked for.
  std::vector<std::string> warnings;
};

/// Loads the data, of which `loading` is told. Throws data::DataError for data that cannot be used, or that cannot give what the scenario
/// asks for.
Holdings gather(const std::shared_ptr<const config::Scenario>& scenario,
                const std::function<void(std::int64_t done, std::int64_t all)>& loading = {});

}  // namespace afu::federate
