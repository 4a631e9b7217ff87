#include "methods/calibration_run.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "calibrate/jobs.hpp"
#include "calibrate/search_size.hpp"
#include "config/scenario.hpp"
#include "config/sections/calibration_research.hpp"
#include "data/calibration_set.hpp"
#include "methods/shared.hpp"

namespace afu::methods {
namespace {

/// Rows of the calibration set that patterns are searched on.
double searched_samples(const View& view) {
  return std::min(calibration_samples(view), static_cast<double>(calibrate::most_searched));
}

/// Rows of the calibration set that a step takes.
double batch_samples(const View& view) {
  const auto& c = view.scenario->calibration;
  if (c.batch_size == 0) return calibration_samples(view);
  const auto shares = data::environment_shares(
      environment_sizes(view), c.batch_size,
      calibrate::least_share(c.research->irm_estimator == config::IrmEstimator::halves));
  return static_cast<double>(std::accumulate(shares.begin(), shares.end(), std::int64_t{0}));
}

/// Both, by one more calibration.
Erase continued(const Draft& draft, const MergeCalibration& by) {
  engine::CombineJob job;
  if (draft.model)
    for (const auto& v : {draft.model, draft.calibration})
      job.outputs.push_back({v, 1.0, {{by.weight, by.delta, nullptr}}, {}});
  return {std::move(job), 0, false};
}

/// With the draft in place of the current version, where there is one.
View seen(const Draft* draft, const Now& now) {
  auto view = now.view();
  if (draft) view.model = draft->model;
  return view;
}

/// From the next task on nobody trains what is pruned, not even after the request is done.
Retune keep_pruned(ParametersPtr mask) {
  auto extras = std::make_shared<train::TrainExtras>();
  extras->mask = std::move(mask);
  return Retune{std::move(extras)};
}

/// Whatever points against `downhill`, which may be null in timing-only runs, loses that part.
GuardErasure guard_against(ParametersPtr downhill) {
  GuardErasure step;
  if (!downhill) return step;
  engine::Guard guard{downhill, {downhill}};
  step.guard = std::make_shared<const engine::Guard>(std::move(guard));
  return step;
}

bool at_level(const job::JobResult* result) {
  if (!result || !result->figures.count("risk_reference")) return false;
  return result->figures.at("risk_after") <= result->figures.at("risk_reference");
}

/// A spread fall is not searched.
bool in_vain(const job::JobResult& search) {
  const auto& f = search.figures;
  const auto searched = f.find("searched"), found = f.find("found");
  return searched != f.end() && found != f.end() && searched->second > 0 && found->second == 0;
}

}  // namespace

void CalibrationRun::erasing(ParametersPtr before, ParametersPtr erasure) {
  before_ = without_before_ ? nullptr : std::move(before);
  erasure_ = std::move(erasure);
}

void CalibrationRun::erased(ParametersPtr model) {
  erased_ = std::move(model);
  fisher_.reset();
  have_fisher_ = false;
}

Script CalibrationRun::calibrate(std::int64_t steps, bool to_level, Draft* draft, const Now& now) {
  const auto& c = now->scenario->calibration;
  if (to_level) quiet_ = 0;
  bool level = false;
  std::int64_t taken = 0;
  do {
    if (needs_fisher(c)) {
      have_fisher_ = true;
      fisher_ = first_output(co_yield fisher(seen(draft, now)));
    }
    if (needs_trigger(c)) {
      triggered_ = jobs_;
      const auto* found = co_yield trigger(seen(draft, now));
      if (found) trigger_ = found->numbers;
    }
    if (needs_patterns(c)) co_await search(draft, now);
    if (needs_directions(c)) take_found(c, co_yield directions(seen(draft, now)));
    base_version_ = now->version;
    const auto* result = co_yield calibration(seen(draft, now), steps, to_level, taken == 0);
    taken += steps;
    ++jobs_;
    level = level || at_level(result);
    if (!to_level) note_penalty(c, result);
    const auto by = merge(now.view(), result);
    if (draft) {
      const auto* both = co_yield continued(*draft, by);
      if (both && !both->outputs.empty()) *draft = {both->outputs.at(0), both->outputs.at(1)};
    } else {
      co_yield by;
    }
  } while (to_level && c.research->until_loss && !level && taken < c.research->until_loss_steps);
}

/// Again, for what is larger, where nothing was found that works.
Script CalibrationRun::search(Draft* draft, const Now& now) {
  const job::JobResult* result = nullptr;
  for (std::int64_t again = 0; again < calibrate::most_searches; ++again) {
    result = co_yield patterns(seen(draft, now), again);
    if (!result || !in_vain(*result)) break;
  }
  take_found(now->scenario->calibration, result);
  if (mask_) co_yield keep_pruned(mask_);
}

Script CalibrationRun::await_updates(std::uint64_t count, const Now& now) {
  if (!guards_patterns(now.view())) {
    co_yield AwaitUpdates{count};
    co_return;
  }
  const auto due = now->updates + count;
  while (now->updates < due) {
    const auto* uphill = co_yield pattern_gradient(now.view());
    co_yield guard_against(first_output(uphill));
    co_yield AwaitUpdates{1};
  }
}

bool CalibrationRun::needs_fisher(const config::CalibrationSection& c) const {
  return c.research->fisher > 0 && !c.placebo && !have_fisher_;
}

bool CalibrationRun::needs_trigger(const config::CalibrationSection& c) const {
  const auto every = static_cast<std::uint64_t>(c.research->adversarial_every);
  return c.invariance == config::Invariance::perturbation &&
         c.perturbation == config::Perturbation::adversarial && (!triggered_ || jobs_ >= *triggered_ + every);
}

bool CalibrationRun::needs_patterns(const config::CalibrationSection& c) const {
  return c.invariance == config::Invariance::difference && !c.placebo && !searched_;
}

bool CalibrationRun::needs_directions(const config::CalibrationSection& c) const {
  return c.invariance == config::Invariance::features && !c.placebo && !searched_;
}

/// In timing-only runs a pattern counts as found.
bool CalibrationRun::guards_patterns(const View& view) const {
  return view.scenario->calibration.research->difference.guard && searched_ &&
         (!trigger_.empty() || !view.model);
}

/// The patterns, or the directions, stand for the model before the erasure, which nothing else then asks for.
void CalibrationRun::take_found(const config::CalibrationSection& c, const job::JobResult* result) {
  searched_ = true;
  if (result) trigger_ = result->numbers;
  if (c.research->difference.prune > 0) mask_ = first_output(result);
  without_before_ = c.beta == 0 && !c.research->until_loss;
  if (without_before_) before_.reset();
}

Calibrate CalibrationRun::fisher(const View& view) const {
  const auto most = view.scenario->calibration.research->fisher_samples;
  calibrate::FisherJob job;
  job.normalise = true;
  job.model = erased_;
  auto samples = std::min(static_cast<double>(most), calibration_samples(view));
  if (!view.environments.empty()) {
    job.rows = data::spread_rows(view.environments, static_cast<std::size_t>(most));
    samples = static_cast<double>(job.rows->size());
  }
  return {std::move(job), samples * static_cast<double>(view.classes)};
}

Calibrate CalibrationRun::trigger(const View& view) const {
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
  return {std::move(job), searched_samples(view) * searches};
}

Calibrate CalibrationRun::patterns(const View& view, std::int64_t again) const {
  const auto& d = view.scenario->calibration.research->difference;
  calibrate::DifferenceJob job;
  job.before = before_;
  job.erased = erased_;
  job.environments = view.environments;
  job.batch_size = d.batch_size;
  job.labels = d.labels;
  job.restarts = d.restarts;
  job.steps = d.steps;
  job.form = d.form;
  job.first = again * d.restarts;
  job.sparsity = std::ldexp(d.sparsity, -static_cast<int>(again));
  job.key = {view.scenario->scenario.seed, base::purpose("calibrate.difference"), request_.index, 0};
  job.prune = d.prune;
  job.candidates = d.candidates;
  // The falls take two looks. Of each search, which leaves out the samples that have its label, about one in `classes`,
  // the last look is at all.
  const double all = searched_samples(view), others = all * (1 - 1 / static_cast<double>(view.classes));
  const double batch = d.batch_size > 0 ? std::min(others, static_cast<double>(d.batch_size)) : others;
  const auto labels = std::min(d.candidates > 1 ? d.candidates : d.labels, view.classes);
  const bool several = d.candidates > 1;  // each is searched once, and one of them again
  const auto searches = static_cast<double>(several ? labels + d.restarts - 1 : labels * d.restarts);
  const double looks = (d.prune > 0 ? 3 : 1) * searches + static_cast<double>(several ? labels : 0);
  return {std::move(job), 2 * all + searches * batch * static_cast<double>(d.steps) + looks * others};
}

Calibrate CalibrationRun::directions(const View& view) const {
  calibrate::FeatureDirectionsJob job;
  job.before = before_;
  job.erased = erased_;
  job.environments = view.environments;
  job.rank = view.scenario->calibration.research->feature_rank;
  job.key = {view.scenario->scenario.seed, base::purpose("calibrate.features"), request_.index, 0};
  return {std::move(job), 4 * searched_samples(view)};
}

Calibrate CalibrationRun::pattern_gradient(const View& view) {
  calibrate::PatternGradientJob job;
  job.model = view.model;
  job.environments = view.environments;
  job.patterns = trigger_;
  job.turn = gradients_++;
  return {std::move(job), searched_samples(view)};
}

Calibrate CalibrationRun::calibration(const View& view, std::int64_t steps, bool to_level, bool first) const {
  const auto& c = view.scenario->calibration;
  auto job = calibrate::calibrate_job(*view.scenario, jobs_);
  const bool found =
      c.invariance == config::Invariance::difference || c.invariance == config::Invariance::features;
  const bool minimax =
      c.invariance == config::Invariance::perturbation && c.perturbation == config::Perturbation::minimax;
  if ((found && trigger_.empty()) || (minimax && c.placebo)) {
    job.objective.invariance =
        config::Invariance::none;  // a placebo, or an erasure that left nothing to look for
    job.objective.lambda = 0;
  }
  job.descent.steps = steps;
  if (to_level && first) job.descent.stages = std::clamp<std::int64_t>(steps, 1, c.research->stages);
  job.reference = to_level && c.research->until_loss;
  job.base = view.model;
  job.before = before_;
  job.erased = erased_;
  job.fisher = fisher_;
  job.erasure = erasure_;
  job.environments = view.environments;
  job.trigger = trigger_;
  job.mask = mask_;
  job.key = {view.scenario->scenario.seed, base::purpose("calibrate"), request_.index, jobs_};
  const double all = calibration_samples(view);
  double passes = batch_samples(view) * static_cast<double>(steps) * calibrate::passes_per_sample(c);
  if (c.research->sunset_jobs > 0 && c.invariance != config::Invariance::none)
    passes += all * calibrate::reference_passes(c);
  if (minimax && !c.placebo) passes += all * static_cast<double>(c.research->minimax_steps);
  if (c.invariance == config::Invariance::features && !c.placebo) passes += 2 * all;  // the erased model's
  return {std::move(job), passes};
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
