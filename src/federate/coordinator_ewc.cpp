/// EWC as the clients' regulariser (Kirkpatrick et al. 2017, eq. 3): once a version counts as erased,
/// training is held near it, by the penalty strength / 2 * sum of F_j (w_j - anchor_j)^2 with F that
/// version's diagonal Fisher information on calibration images, scaled to mean 1. The calibrator computes F;
/// until it has, clients train without.
#include <utility>

#include "calibrate/jobs.hpp"
#include "config/scenario.hpp"
#include "federate/coordinator.hpp"
#include "train/train_job.hpp"

namespace afu::federate {

/// While another request is being served the version still holds what that one wants forgotten: its own end
/// asks then.
void Coordinator::ask_fisher(Active& a, Effects& fx) {
  const auto& t = scenario().training;
  if (t.ewc_strength == 0) return;
  for (const auto& other : requests_)
    if (other.procedure && !other.done && !other.record.forgotten_at) return;
  calibrate::FisherJob job;
  job.normalise = true;  // so that a strength means the same for any model
  job.labels = calibrate::fisher_labels(t.ewc_labels);
  job.key = {scenario().scenario.seed, base::purpose("ewc"), 0, version_};
  job.model = model_;
  auto [rows, count] = calibration_rows(t.ewc_samples);
  job.rows = std::move(rows);
  if (count == 0)
    return warn(
        "training.ewc_strength: nobody who stays has calibration images, so training goes on without it");
  const auto classes = setup_.data ? setup_.data->classes() : scenario().data.classes;
  const auto passes = static_cast<double>(t.ewc_labels == "all" ? count * classes : count);
  a.record.server_passes += passes;
  fisher_version_ = version_;
  fisher_model_ = model_;
  CalibrateTask task{no_request, version_, passes, nullptr};
  if (!timing()) task.job = std::make_shared<const job::Job>(std::move(job));
  fx.posts.push_back({record::server_node, record::calibrator_node, 0, -1, false, 0, std::move(task)});
}

void Coordinator::take_fisher(const CalibrateResult& m) {
  if (fisher_version_ != m.base_version) return;  // a later request has voided it
  fisher_version_.reset();
  const auto model = std::move(fisher_model_);
  if (!m.result) return;
  train::TrainExtras x;
  x.anchor = model;
  x.fisher = m.result->outputs.at(0);
  x.strength = scenario().training.ewc_strength;
  anchor_ = std::make_shared<const train::TrainExtras>(std::move(x));
  renew_extras();
}

/// The anchor holds what a new request wants forgotten: nobody is to be pulled back to it.
void Coordinator::drop_anchor() {
  fisher_version_.reset();
  fisher_model_.reset();
  anchor_.reset();
  renew_extras();
}

/// A task has room for one anchor: a method's own comes first.
void Coordinator::renew_extras() {
  task_extras_ = extras_ ? extras_ : anchor_;
  if (!extras_ || !anchor_ || extras_->anchor) return;
  auto both = *extras_;
  both.anchor = anchor_->anchor;
  both.fisher = anchor_->fisher;
  both.strength = anchor_->strength;
  task_extras_ = std::make_shared<const train::TrainExtras>(std::move(both));
}

}  // namespace afu::federate
