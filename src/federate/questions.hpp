#pragma once
/// What the server asks the calibrator of its own accord, beside what methods ask: the jobs, as a lane takes
/// them.
#include <cstdint>
#include <optional>
#include <vector>

#include "config/scenario_fwd.hpp"
#include "data/dataset.hpp"
#include "engine/combine_job.hpp"
#include "federate/messages.hpp"
#include "federate/progress.hpp"
#include "job/job.hpp"
#include "methods/method.hpp"

namespace afu::federate {

/// EWC: the diagonal Fisher information of the published version on `rows`, with mean 1, so that a strength
/// means the same for any model.
job::Job fisher_question(const config::Scenario& scenario, const Progress& at, const data::IndicesPtr& rows);
/// The running statistics of `model` (BatchNorm), taken anew on these images.
job::Job statistics_question(engine::Combination model, std::vector<data::IndicesPtr> environments);
/// How accurate each of `models` is on `rows`.
job::Job accuracies_question(const config::Scenario& scenario, std::vector<ParametersPtr> models,
                             const data::IndicesPtr& rows);
/// What of a merge may stay, which led from one version to the other.
job::Job gate_question(const methods::GateUpdates& gate, const ParametersPtr& before,
                       const ParametersPtr& after);

/// SGD steps of the calibration that `s` asks for; none: it only prepares one, which costs, and is not
/// counted as one.
std::optional<std::int64_t> calibration_steps(const methods::Calibrate& s);

/// `task` on its way to the calibrator.
Post to_calibrator(CalibrateTask task);

}  // namespace afu::federate
