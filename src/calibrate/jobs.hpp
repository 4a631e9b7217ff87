#pragma once
/// What the calibrator and the unlearner compute for AFU-IC's calibration, as it is asked for. No torch in this header.
#include <cstdint>
#include <vector>

#include "calibrate/objective.hpp"
#include "config/choices.hpp"
#include "engine/sgd_settings.hpp"
#include "job/job.hpp"

namespace afu::calibrate {

using base::IndicesPtr;
using model::ParametersPtr;

/// The steps that a calibration takes.
struct Descent {
  engine::SgdSettings sgd;
  bool adam = false;        ///< instead of SGD; momentum then has no meaning
  double fisher = 0;        ///< strength of the Fisher anchor
  bool proximal = false;    ///< its form: a proximal step instead of a term of the gradient
  std::int64_t stages = 1;  ///< 1 to steps; more than one need the erasure
  std::int64_t steps = 0;
  /// rho: a step takes the gradient at w + rho g / |g|, g that at w (Foret et al. 2021, SAM), on the same samples and
  /// perturbations; 0: that at w.
  double sharpness = 0;
};
AFU_FIELDS(Descent, sgd, adam, fisher, proximal, stages, steps, sharpness)

/// SGD or Adam from a version on held-out data, in eval mode, on the objective of calibrate/objective.hpp; each job
/// begins with fresh momentum. With several stages it begins at base - e and takes e / stages before the first step of
/// each: a whole e can leave a network whose units no gradient reaches. A step takes the whole set, or the next
/// minibatch, with its share of every environment (calibrate/environments.hpp); figures are always of the whole set. The
/// Fisher anchor is no term of L: it pulls by fisher * F (w - w_erased) in the gradient, or as a proximal step
/// w <- (w + lr s F w_erased)/(1 + lr s F).
struct CalibrateJob {
  static constexpr const char* name = "calibrate";
  ParametersPtr base;  ///< the version
  /// Whose outputs are to be kept: w before the erasure merged. May be null where beta is 0 and no reference is asked
  /// for; there is no kl then.
  ParametersPtr before;
  ParametersPtr erased;   ///< the model right after; needed where kd or fisher > 0, and for features
  ParametersPtr fisher;   ///< its Fisher information; needed where fisher > 0
  ParametersPtr erasure;  ///< e, which the result is compared with; may be null
  std::vector<IndicesPtr> environments;  ///< empty ones are left out
  /// The adversarial family's trigger (TriggerJob), the patterns (DifferenceJob), or the directions
  /// (FeatureDirectionsJob).
  std::vector<double> trigger;
  /// 0 where a parameter is pruned: it is 0 before the first step and stays so. Null: none is.
  ParametersPtr mask;
  base::StreamKey key;
  Objective objective;
  Descent descent;
  bool reference = false;  ///< asks for risk_reference
  bool sunset = false;     ///< asks for penalty_reference
};
AFU_FIELDS(CalibrateJob, base, before, erased, fisher, erasure, environments, trigger, mask, key, objective,
           descent, reference, sunset)
/// Output 0: the sum of the steps, to be added to the base. Figures: loss, risk, kl, kd, penalty, each _before (of the
/// base) and _after (absent where it is no part of L); risk_reference: mean_e R_e of `before`; penalty_reference: what
/// penalty_before would be under harmless augmentations (calibration_loss.hpp); norm of the output; cosine: cos(output,
/// -e); steps; slipped, where there is a mask: pruned parameters that were not 0 in the base. Throws std::invalid_argument
/// for a job that cannot be run.
job::JobResult run(engine::Workspace& workspace, const CalibrateJob& job);

/// Everything of the scenario's calibration number `number`, from 0, but versions, samples, trigger, key, steps and
/// stages.
CalibrateJob calibrate_job(const config::Scenario& scenario, std::uint64_t number);

/// The diagonal of the Fisher information (src/calibrate/README.md, Fisher information):
/// F_j = (1/n) sum_x sum_c p(c|x) (d log p(c|x) / d w_j)^2, squared a sample at a time, in eval mode.
struct FisherJob {
  static constexpr const char* name = "fisher";
  ParametersPtr model;
  IndicesPtr rows;
  /// all: exact over the classes. sampled: one class drawn from p, which is right on the mean. own: the image's own
  /// label, which makes it the empirical Fisher information.
  config::FisherLabels labels = config::FisherLabels::all;
  bool normalise =
      false;  ///< divide by the mean over all parameters, so that a strength means the same for any model
  base::StreamKey key;
};
AFU_FIELDS(FisherJob, model, rows, labels, normalise, key)
/// Output 0: F [parameter_count]; buffers 0. Figures mean, largest: of F before it is normalised.
job::JobResult run(engine::Workspace& workspace, const FisherJob& job);

/// The adversarial family A2 (src/calibrate/README.md, Perturbation). For each label t the universal mask m and pattern
/// that minimise CE(f((1 - m) x + m pattern), t) + sparsity * |m|_1 over the samples of other labels, by Adam on the
/// logit of m and the artanh of the pattern. Of those that turn half of the samples or more into t, the one with the
/// smallest mask; where there is none, the one that turns most.
struct TriggerJob {
  static constexpr const char* name = "adversarial_trigger";
  ParametersPtr model;
  std::vector<IndicesPtr> environments;  ///< whose rows are taken together, at most 512
  std::int64_t steps = 100;
  double lr = 0.1, sparsity = 0.01;
};
AFU_FIELDS(TriggerJob, model, environments, steps, lr, sparsity)
/// Numbers: the mask's values, then the pattern's (calibrate/perturbations.hpp). Figures label; mask: |m|_1; success:
/// part of the other labels' samples that it turns into the label.
job::JobResult run(engine::Workspace& workspace, const TriggerJob& job);

/// What was erased, told by the models before and after it (src/calibrate/README.md, Difference). The labels whose mean
/// logit fell on the images from `before` to `erased`, by more than half of the largest fall; where they are more than
/// `labels` the fall is spread, and nothing is searched for. For each label t and restart the pattern that turns images of
/// other labels into t where the model is `before`: Adam on CE(f(x'), t) + sparsity * |m|_1 + smoothness * TV(m), x' = (1 -
/// m) x + m p, or, additive, on CE(f(x'), t) + energy * mean q^2, x' = x + q kept in range. A pattern that turns half of
/// the images works.
struct DifferenceJob {
  static constexpr const char* name = "difference_patterns";
  ParametersPtr before, erased;                       ///< w_pre, w_er
  std::vector<IndicesPtr> environments;               ///< whose rows are taken together, at most 512
  std::int64_t batch_size = 0;                        ///< images of a step, drawn anew for each; 0: all
  std::int64_t labels = 1, restarts = 1, steps = 40;  ///< a label, a restart, each 1 or more
  std::int64_t first = 0;  ///< restart: number 0 begins at a thin mask without noise
  config::PatternForm form = config::PatternForm::mask;  ///< both: the restarts in turn
  double lr = 0.1, sparsity = 0.05, smoothness = 0.01, energy = 10;
  base::StreamKey key;  ///< of where the restarts begin
  double prune = 0;     ///< share of the penultimate units, 0 to 1
  /// More than 1: of so many labels, the largest falls first and however spread they are, the one is taken whose first
  /// pattern the erasure took most from; `labels` counts no more.
  std::int64_t candidates = 1;
};
AFU_FIELDS(DifferenceJob, before, erased, environments, batch_size, labels, restarts, steps, first, form, lr,
           sparsity, smoothness, energy, key, prune, candidates)
/// Numbers: of each pattern that works the mask's values, then what is added (calibrate/perturbations.hpp); none where
/// none does. Output 0, where something is to be pruned and a pattern works: a mask, 0 at the head's weights of the units
/// whose features the patterns raise most in `before`, on the mean over patterns and images of other labels than the
/// pattern's (Wang et al. 2019, section 6); never all units, and none that no pattern raises. Figure pruned: how many.
/// Figures label: of the largest fall, or the one that was taken; drop: its fall; next_drop: the next label's, of several;
/// labels: how many fell by more than half of the largest; searched, found: patterns; taken: by how much the erasure
/// raised the cross entropy of that label on images with its first pattern, next_taken: of the next, where there are
/// candidates whose pattern works; and, where one was searched for, of the one with most success: success and
/// erased_success: part of the other labels' images that it turns into t in `before` and in `erased`; size: mean |x' -
/// x| over pixels, of 2. Throws std::invalid_argument for a job that cannot be run.
job::JobResult run(engine::Workspace& workspace, const DifferenceJob& job);

/// What raises the risk of images with a pattern, for a guard (src/calibrate/README.md, Guarded patterns).
struct PatternGradientJob {
  static constexpr const char* name = "pattern_gradient";
  ParametersPtr model;
  std::vector<IndicesPtr> environments;  ///< whose rows are taken together, at most 512
  std::vector<double> patterns;          ///< as DifferenceJob has them
  std::int64_t turn = 0;                 ///< whose it is
};
AFU_FIELDS(PatternGradientJob, model, environments, patterns, turn)
/// Output 0: -g, g the gradient of the mean of CE(f(x'), y), in eval mode. Figure risk: that mean.
job::JobResult run(engine::Workspace& workspace, const PatternGradientJob& job);

/// In which directions an erasure moved the penultimate features (src/calibrate/README.md, Features): the strongest
/// right-singular vectors of phi_before(x) - phi_erased(x), a row for each calibration image and one for a mixture of it
/// with another one.
struct FeatureDirectionsJob {
  static constexpr const char* name = "feature_directions";
  ParametersPtr before, erased;
  std::vector<IndicesPtr> environments;  ///< whose rows are taken together, at most 512
  std::int64_t rank = 4;                 ///< so many at most
  base::StreamKey key;                   ///< of the mixtures
};
AFU_FIELDS(FeatureDirectionsJob, before, erased, environments, rank, key)
/// Numbers: calibrate/feature_directions.hpp; none where no feature moved. Figures directions; share: part of the squared
/// difference that is along them. Throws std::runtime_error where the model's last linear layer cannot be told apart.
job::JobResult run(engine::Workspace& workspace, const FeatureDirectionsJob& job);

/// How much of a merge may stay (src/calibrate/README.md, Gate): gate_scale of D(w + s (w' - w)) with the limit D(w) +
/// epsilon, D being the penalty of the invariance, without lambda, on a probe. No backward pass.
struct GateJob {
  static constexpr const char* name = "gate";
  ParametersPtr before, after;  ///< w and w', of a merge
  std::vector<IndicesPtr>
      samples;                  ///< the probe: one set an environment, the same for all merges, as is the key
  std::vector<double> trigger;  ///< the adversarial family's
  base::StreamKey key;
  Objective objective;
  double epsilon = 0;
};
AFU_FIELDS(GateJob, before, after, samples, trigger, key, objective, epsilon)
/// Figures scale; penalty_before: D(w); penalty_after: D(w').
job::JobResult run(engine::Workspace& workspace, const GateJob& job);

/// Gradients of the cross entropy of random minibatches of what is to be forgotten, in eval mode: at the target.
struct SketchJob {
  static constexpr const char* name = "gradient_sketch";
  ParametersPtr model;
  IndicesPtr forget;
  std::int64_t count = 1, batch_size = 32;  ///< gradients
  base::StreamKey key;
};
AFU_FIELDS(SketchJob, model, forget, count, batch_size, key)
/// The outputs are the gradients.
job::JobResult run(engine::Workspace& workspace, const SketchJob& job);

/// The guard's subspace (src/calibrate/README.md, Guard): the strongest directions of the sketch and e, each scaled to
/// length 1, once the span of the environments' gradients (their 16 strongest directions) is removed from them. What the
/// retained clients' data ask for so stays allowed.
struct SubspaceJob {
  static constexpr const char* name = "erasure_subspace";
  ParametersPtr model, erasure;
  std::vector<ParametersPtr> sketch;
  std::vector<IndicesPtr> environments;
  std::int64_t rank = 1;
};
AFU_FIELDS(SubspaceJob, model, erasure, sketch, environments, rank)
/// Outputs u_1 ..., at most `rank`, orthonormal, u_j . e >= 0.
job::JobResult run(engine::Workspace& workspace, const SubspaceJob& job);

/// How much of a ledger's entry S is subtracted, by layer (src/methods/afu_ic/README.md, Gain by layer): the c_l that
/// minimise mean_e R_e + beta * KL(p_w || p) of w - sum_l c_l S_l on held-out data, while the mean gain, weighted by
/// |S_l|^2, stays `gain`: what is erased is only moved from layers where it costs to layers where it does not. Projected
/// gradient descent; the best of its steps counts.
struct LayerGainsJob {
  static constexpr const char* name = "layer_gains";
  ParametersPtr model, influence;  ///< w, S
  std::vector<IndicesPtr> environments;
  double gain = 1, spread = 0.5;  ///< c_l stays within gain * (1 -+ spread)
  std::int64_t steps = 10;
  double beta = 1;
};
AFU_FIELDS(LayerGainsJob, model, influence, environments, gain, spread, steps, beta)
/// Output 0: -sum_l c_l S_l. Numbers: c_l, in the layout's order of layers. Figures loss_uniform, loss: L with one gain,
/// and with these.
job::JobResult run(engine::Workspace& workspace, const LayerGainsJob& job);

}  // namespace afu::calibrate
