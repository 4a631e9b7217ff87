#include "methods/calibration_run.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "calibrate/jobs.hpp"
#include "config/scenario.hpp"
#include "config/sections/calibration_research.hpp"
#include "data/calibration_set.hpp"
#include "methods/shared.hpp"

namespace afu::methods {
namespace {

/// Rows of the calibration set that a step takes.
double batch_samples(const View& view) {
  const auto& c = view.scenario->calibration;
  if (c.batch_size == 0) return calibration_samples(view);
  const auto shares = data::environment_shares(
      environment_sizes(view), c.batch_size,
      calibrate::least_share(c.research->irm_estimator == config::IrmEstimator::halves));
  return static_cast<double>(std::accumulate(shares.begin(), shares.end(), std::int64_t{0}));
}

}  // namespace

void CalibrationRun::erasing(ParametersPtr before, ParametersPtr erasure) {
  before_ = std::move(before);
  erasure_ = std::move(erasure);
}

void CalibrationRun::erased(ParametersPtr model) {
  erased_ = std::move(model);
  fisher_.reset();
  have_fisher_ = false;
}

void CalibrationRun::begin(std::int64_t steps, bool to_level) {
  steps_ = steps;
  taken_ = 0;
  to_level_ = to_level;
  at_level_ = false;
  if (to_level) quiet_ = 0;
}

void CalibrationRun::forget() {
  before_.reset(), erasure_.reset(), erased_.reset(), fisher_.reset();
  trigger_.clear();
}

std::optional<Step> CalibrationRun::next(const View& view, const job::JobResult* result) {
  const auto& c = view.scenario->calibration;
  const auto every = static_cast<std::uint64_t>(c.research->adversarial_every);
  switch (std::exchange(waiting_, Waiting::nothing)) {
    case Waiting::fisher:
      fisher_ = first_output(result);
      break;
    case Waiting::trigger:
      if (result) trigger_ = result->numbers;
      break;
    case Waiting::calibration: {
      taken_ += steps_;
      ++jobs_;
      if (result && result->figures.count("risk_reference"))
        at_level_ = result->figures.at("risk_after") <= result->figures.at("risk_reference");
      if (!to_level_) note_penalty(c, result);
      waiting_ = Waiting::merge;
      return merge(view, result);
    }
    case Waiting::merge:
      if (!to_level_ || !c.research->until_loss || at_level_ || taken_ >= c.research->until_loss_steps)
        return std::nullopt;
      break;
    case Waiting::nothing:
      break;
  }
  if (c.research->fisher > 0 && !c.placebo && !std::exchange(have_fisher_, true)) {
    waiting_ = Waiting::fisher;
    return fisher(view);
  }
  const bool adversarial =
      c.invariance == config::Invariance::perturbation && c.perturbation == config::Perturbation::adversarial;
  if (adversarial && (!triggered_ || jobs_ >= *triggered_ + every)) {
    triggered_ = jobs_;
    waiting_ = Waiting::trigger;
    return trigger(view);
  }
  waiting_ = Waiting::calibration;
  base_version_ = view.version;
  return calibration(view);
}

Step CalibrationRun::fisher(const View& view) const {
  const auto most = view.scenario->calibration.research->fisher_samples;
  calibrate::FisherJob job;
  job.normalise = true;
  job.model = erased_;
  auto samples = std::min(static_cast<double>(most), calibration_samples(view));
  if (!view.environments.empty()) {
    job.rows = data::spread_rows(view.environments, static_cast<std::size_t>(most));
    samples = static_cast<double>(job.rows->size());
  }
  return Calibrate{std::move(job), samples * static_cast<double>(view.classes)};
}

Step CalibrationRun::trigger(const View& view) const {
  const auto& c = view.scenario->calibration;
  calibrate::TriggerJob job;
  job.model = view.model;
  job.environments = view.environments;
  job.steps = c.research->adversarial_steps;
  job.lr = c.research->adversarial_lr;
  job.sparsity = c.research->adversarial_sparsity;
  // Each label's search leaves out the samples that have it, about one in `classes`.
  const auto searches =
      static_cast<double>(view.classes - 1) * static_cast<double>(c.research->adversarial_steps);
  return Calibrate{std::move(job), calibration_samples(view) * searches};
}

Step CalibrationRun::calibration(const View& view) const {
  const auto& c = view.scenario->calibration;
  auto job = calibrate::calibrate_job(*view.scenario, jobs_);
  job.descent.steps = steps_;
  if (to_level_ && taken_ == 0) job.descent.stages = std::clamp<std::int64_t>(steps_, 1, c.research->stages);
  job.reference = to_level_ && c.research->until_loss;
  job.base = view.model;
  job.before = before_;
  job.erased = erased_;
  job.fisher = fisher_;
  job.erasure = erasure_;
  job.environments = view.environments;
  job.trigger = trigger_;
  job.key = {view.scenario->scenario.seed, base::purpose("calibrate"), request_.index, jobs_};
  const double all = calibration_samples(view);
  double passes = batch_samples(view) * static_cast<double>(steps_) * calibrate::passes_per_sample(c);
  if (c.research->sunset_jobs > 0 && c.invariance != config::Invariance::none)
    passes += all * calibrate::reference_passes(c);
  return Calibrate{std::move(job), passes};
}

void CalibrationRun::note_penalty(const config::CalibrationSection& c, const job::JobResult* result) {
  if (!result || !result->figures.count("penalty_reference")) return;
  const auto& f = result->figures;
  quiet_ = f.at("penalty_before") <= c.research->sunset_factor * f.at("penalty_reference") ? quiet_ + 1 : 0;
}

bool CalibrationRun::sunset(const config::CalibrationSection& c) const {
  return c.research->sunset_jobs > 0 && quiet_ >= c.research->sunset_jobs;
}

GateUpdates CalibrationRun::gate(const View& view) const {
  const auto& c = view.scenario->calibration;
  const auto seed = view.scenario->scenario.seed;
  const auto least = calibrate::least_share(c.research->irm_estimator == config::IrmEstimator::halves);
  const auto shares = data::environment_shares(environment_sizes(view), c.research->gate_samples, least);
  calibrate::GateJob job;
  job.objective = calibrate::objective_of(*view.scenario, jobs_);
  job.epsilon = c.research->gate_epsilon;
  job.samples = data::thinned(view.environments, c.research->gate_samples, least, seed);
  job.trigger = trigger_;
  job.key = {seed, base::purpose("gate"), request_.index, 0};
  // D before and after the merge; a halving, which is not known beforehand, takes one more.
  const auto samples = std::accumulate(shares.begin(), shares.end(), std::int64_t{0});
  return {std::move(job), 2 * static_cast<double>(samples) * calibrate::penalty_passes(c)};
}

/// Where the scenario asks for it (src/calibrate/README.md, Staleness): what spans other merges is
/// discounted, what is long clipped.
MergeCalibration CalibrationRun::merge(const View& view, const job::JobResult* result) const {
  const auto& c = view.scenario->calibration;
  MergeCalibration m{first_output(result), 1.0};
  if (c.research->staleness_discount)
    m.weight /= std::sqrt(1.0 + static_cast<double>(view.version - base_version_));
  if (result && c.research->max_delta > 0)
    if (const double norm = result->figures.at("norm"); norm > c.research->max_delta)
      m.weight *= c.research->max_delta / norm, m.shortened = true;
  return m;
}

}  // namespace afu::methods
