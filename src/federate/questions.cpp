#include "federate/questions.hpp"

#include <utility>

#include "calibrate/jobs.hpp"
#include "config/scenario.hpp"
#include "engine/combine_job.hpp"
#include "methods/knot/job.hpp"
#include "methods/statistics_job.hpp"

namespace afu::federate {

job::Job fisher_question(const config::Scenario& scenario, const Progress& at, const data::IndicesPtr& rows) {
  calibrate::FisherJob job;
  job.normalise = true;
  job.labels = scenario.training.ewc_labels;
  job.key = {scenario.scenario.seed, base::purpose("ewc"), 0, at.version};
  job.model = at.model;
  job.rows = rows;
  return job;
}

job::Job statistics_question(engine::Combination model, std::vector<data::IndicesPtr> environments) {
  return methods::StatisticsJob{std::move(model), std::move(environments)};
}

job::Job accuracies_question(const config::Scenario& scenario, std::vector<ParametersPtr> models,
                             const data::IndicesPtr& rows) {
  return methods::AccuraciesJob{std::move(models), rows, scenario.evaluation.batch_size};
}

job::Job gate_question(const methods::GateUpdates& gate, const ParametersPtr& before,
                       const ParametersPtr& after) {
  auto job = gate.job;
  job.before = before;
  job.after = after;
  return job;
}

std::optional<std::int64_t> calibration_steps(const methods::Calibrate& s) {
  if (s.steps) return s.steps;
  const auto* job = s.job.as<calibrate::CalibrateJob>();
  return job ? std::optional{job->descent.steps} : std::nullopt;
}

Post to_calibrator(CalibrateTask task) {
  return {record::server_node, record::calibrator_node, 0, -1, false, 0, std::move(task)};
}

}  // namespace afu::federate
