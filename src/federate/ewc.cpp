#include "federate/ewc.hpp"

#include <utility>

#include "config/scenario.hpp"
#include "federate/questions.hpp"
#include "train/train_job.hpp"

namespace afu::federate {

std::optional<CalibrateTask> Ewc::ask(const Progress& at, const Roster& roster, std::int64_t classes) {
  const auto& t = scenario_.training;
  const auto [rows, count] = roster.calibration_rows(t.ewc_samples);
  if (count == 0) return std::nullopt;
  version_ = at.version;
  model_ = at.model;
  const auto passes =
      static_cast<double>(t.ewc_labels == config::FisherLabels::all ? count * classes : count);
  CalibrateTask task{no_request, at.version, passes, nullptr};
  if (!at.timing()) task.job = std::make_shared<const job::Job>(fisher_question(scenario_, at, rows));
  return task;
}

void Ewc::answered(const CalibrateResult& m) {
  if (version_ != m.base_version) return;
  version_.reset();
  auto model = std::exchange(model_, nullptr);
  if (!m.result) return;
  train::TrainExtras x;
  x.anchor = std::move(model);
  x.fisher = m.result->outputs.at(0);
  x.strength = scenario_.training.ewc_strength;
  anchor_ = std::make_shared<const train::TrainExtras>(std::move(x));
}

void Ewc::drop() {
  version_.reset();
  model_.reset();
  anchor_.reset();
}

}  // namespace afu::federate
