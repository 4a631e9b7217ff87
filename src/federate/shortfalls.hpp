#pragma once
/// Where a federation's data give less than its scenario asks for: sets that are empty or smaller, figures
/// that will therefore be absent. Each in one sentence, for the user.
#include <string>
#include <vector>

#include "attack/plan.hpp"
#include "config/scenario_fwd.hpp"
#include "data/dataset.hpp"
#include "job/job.hpp"
#include "metrics/evaluate_job.hpp"

namespace afu::federate {

/// `attacks` may be null.
std::vector<std::string> shortfalls(const data::FederatedData& data, const config::Scenario& scenario,
                                    const metrics::EvaluationSets& evaluation,
                                    const attack::PlanPtr& attacks);

}  // namespace afu::federate
