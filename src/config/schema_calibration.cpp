// The server-side calibration.
#include "config/schema_parts.hpp"
#include "config/sections/calibration.hpp"
#include "config/sections/calibration_research.hpp"

namespace afu::config::schema {

Section calibration(CalibrationSection& c) {
  return {
      "calibration",
      "The server-side calibration of afu_ic, on held-out images: none of the target's, none of the test "
      "set. Its research arms stand last, in [calibration.research].",
      {choice(
           "source", c.source,
           "Whose the images are. validation: of the validation split, in each client's class mix. clients: "
           "each client that never asks for an erasure gives held-out images of its own, of its own subjects "
           "and scanner; they are no non-members any more."),
       number("samples_per_environment", c.samples_per_environment, from(1, 1'000'000),
              "Images an environment; a retained client is an environment."),
       number("steps", c.steps, from(0, 1'000'000), "SGD steps right after the merge."),
       number("batch_size", c.batch_size, from(0, 1'000'000),
              "Images of a step: of every environment its share, by size, one at least (two with the "
              "irm_estimator \"halves\"). 0: all of them.",
              "samples"),
       number("lr", c.lr, above(0, 1), "Step size.").alias({"learning_rate"}),
       number("momentum", c.momentum, from(0, 0.9999), "Without dampening."),
       number("clip_norm", c.clip_norm, from(0), "0: no clipping."),
       choice("optimiser", c.optimiser,
              "sgd, or adam (which has no use for momentum); anew in each calibration.")
           .alias({"optimizer"}),
       number("risk", c.risk, from(0), "Weight of the mean over environments of the cross entropy."),
       number("beta", c.beta, from(0), "Weight of KL(p before the erasure || p)."),
       choice(
           "invariance", c.invariance,
           "What lambda weighs. perturbation: KL(p(x) || p(T(x))). irm: the IRMv1 penalty. vrex: the "
           "variance of the environments' risks. difference: the cross entropy of images with the pattern that "
           "the erasure took the answer to, found by the models before and after it. features: how far the penultimate "
           "features have moved from the erased model's, along the directions that the erasure moved most. none."),
       number("lambda", c.lambda, from(0), "Weight of the invariance's penalty."),
       choice(
           "perturbation", c.perturbation,
           "T. blind, the default: random squares, lines, corner bars. oracle: the backdoor's own trigger, "
           "which nobody knows: an upper bound. adversarial: the smallest mask and pattern that turn images "
           "into one label, searched on the calibration set. minimax: what is added to all images and raises their cross "
           "entropy most, found anew in each calibration; the penalty then is that cross entropy."),
       choice(
           "environments", c.environments,
           "client: a retained client is one. interventional: so is each with its images patched, shifted in "
           "intensity, blurred (four times the cost)."),
       flag("placebo", c.placebo,
            "The control: the same images, altered copies, steps and schedule with the cross entropy alone, "
            "and no gate."),
       number("window_updates", c.window_updates, from(0),
              "Calibration, and the guard, go on for so many updates after the erasure.", "updates")
           .alias({"until_updates"}),
       number("window_every", c.window_every, from(1), "In the window, calibrate once every so many updates.",
              "updates")
           .alias({"every_updates"}),
       number("window_steps", c.window_steps, from(0, 1'000'000), "In the window, steps each time.")}};
}

Section calibration_difference(CalibrationDifference& c) {
  return {
      "calibration.difference",
      "The search of calibration.invariance = \"difference\": what was erased, told by the models before and after the "
      "erasure. Once an erasure, at the calibrator.",
      {number(
           "labels", c.labels, from(1, 1000),
           "Most labels whose logit the erasure may have lowered, by more than half of the largest fall. Where there "
           "are more the fall is spread, and the calibration is the placebo's.",
           "labels"),
       number(
           "candidates", c.candidates, from(1, 1000),
           "More than 1: of so many labels, the largest falls first, one pattern each is searched, and the label is taken "
           "whose pattern the erasure took most from, told by the cross entropy; labels then counts no more.",
           "labels"),
       number("restarts", c.restarts, from(1, 100), "Searches for a pattern, a label.", "searches"),
       number("steps", c.steps, from(1, 100'000), "Steps of Adam of each."),
       number("batch_size", c.batch_size, from(0, 1'000'000),
              "Calibration images of a step, drawn anew for each. 0: all.", "samples"),
       choice(
           "form", c.form,
           "mask: a part of the image is painted over. additive: something is added to all of it. both: the "
           "restarts in turn, so it takes two."),
       number(
           "sparsity", c.sparsity, from(0),
           "Weight of a mask's sum; half of it, then a quarter, in further searches where none finds a pattern that works."),
       flag(
           "guard", c.guard,
           "While the window is open, what would raise the cross entropy of images with a pattern is taken out of every "
           "delta. The gradient is that of the last version that the calibrator has looked at; nobody waits."),
       number(
           "prune", c.prune, from(0, 0.9),
           "Share of the penultimate units that is pruned right after the search: those that the patterns raise most before "
           "the erasure. Clients train on without them. 0: none.")}};
}

Section calibration_research(CalibrationResearch& c) {
  return {
      "calibration.research",
      "The calibration's research arms: as measured so far stages help, and most of the others little "
      "(configs/studies/README.md).",
      {number(
           "stages", c.stages, from(1, 1'000'000),
           "The calibration right after the merge begins at the model before the erasure and goes through "
           "it in so many equal parts, one a step at most, with its share of `steps` behind each. What was "
           "merged stays merged: only the steps' sum is added. 1: it begins at the erased model."),
       flag("until_loss", c.until_loss,
            "Right after the merge, repeat `steps` until the cross entropy is what it was before the "
            "erasure."),
       number("until_loss_steps", c.until_loss_steps, from(1, 1'000'000),
              "At most so many steps; timing-only runs take all.", "steps"),
       number("kd", c.kd, from(0), "Weight of KL(p right after the erasure || p).").alias({"lambda_kd"}),
       number(
           "fisher", c.fisher, from(0),
           "Strength of the pull to the model right after the erasure, by its diagonal Fisher information, "
           "scaled to mean 1; 0.001 is a start.")
           .alias({"lambda_F", "ewc"}),
       choice("fisher_form", c.fisher_form,
              "gradient: in the step; lr * fisher * the largest entry must stay below 1. proximal: after it, "
              "stable for any strength."),
       number("fisher_samples", c.fisher_samples, from(1, 1'000'000),
              "Most calibration images for it; each costs a pass for every class.", "samples"),
       number("anneal_jobs", c.anneal_jobs, from(0),
              "In so many first calibrations lambda is 1 at most (irm 5).", "calibrations"),
       flag("divide_loss", c.divide_loss, "Divide the loss by max(1, lambda), as IRM's authors do."),
       number("adversarial_every", c.adversarial_every, from(1),
              "The perturbation \"adversarial\": search anew every so many calibrations.", "calibrations"),
       number("adversarial_steps", c.adversarial_steps, from(1, 100'000),
              "Steps of Adam of the search, for every label.", "steps"),
       number("adversarial_lr", c.adversarial_lr, above(0, 10), "Their size."),
       number("adversarial_sparsity", c.adversarial_sparsity, from(0), "Weight of the mask's sum."),
       number("minimax_steps", c.minimax_steps, from(1, 100'000),
              "The perturbation \"minimax\": steps of ascent, in each calibration.", "steps"),
       number("minimax_radius", c.minimax_radius, above(0, 1e6),
              "Longest perturbation, in L2, of images from -1 to 1."),
       number("feature_rank", c.feature_rank, from(1, 1000),
              "The invariance \"features\": so many directions.", "directions"),
       number(
           "sharpness", c.sharpness, from(0, 100),
           "Sharpness-aware steps: each takes the gradient so far uphill, which doubles its cost. 0: plain steps."),
       choice(
           "irm_estimator", c.irm_estimator,
           "square: of an environment's derivative. halves: the product of its even and odd rows', unbiased."),
       number("sunset_jobs", c.sunset_jobs, from(0, 1'000'000),
              "The window ends early once so many calibrations of it in a row began with a penalty of "
              "sunset_factor times its reference at most: the same penalty under harmless augmentations, "
              "another intensity and a blur. 0: it does not; 5 is a start.",
              "calibrations")
           .alias({"sunset"}),
       number("sunset_factor", c.sunset_factor, above(0), "Times the reference."),
       flag("gate", c.gate,
            "In the window, a merge of updates that raises the invariance's penalty is halved, up to three "
            "times. Nobody waits: it is merged at once, and what was too much is taken back when the answer "
            "comes."),
       number("gate_epsilon", c.gate_epsilon, from(0), "What the penalty may rise by."),
       number("gate_samples", c.gate_samples, from(1, 1'000'000),
              "Most calibration images that it is looked at on; always the same ones.", "samples"),
       flag("staleness_discount", c.staleness_discount,
            "Merge a calibration with (1 + tau)^-1/2 where tau versions were published meanwhile."),
       number("max_delta", c.max_delta, from(0),
              "Scale a calibration's difference down to this norm; 0: never."),
       number(
           "guard_rank", c.guard_rank, from(0, 64),
           "Directions of the erasure that later deltas may not point back along: 1 the erasure itself; more "
           "need gradients of the target. 0: no guard."),
       number("guard_restore", c.guard_restore, from(0, 1),
              "Part of what slipped back along them that is taken out again. 0: none; 0.1 is a start.")
           .alias({"kappa"}),
       number("guard_restore_every", c.guard_restore_every, from(1), "Do so every so many updates.",
              "updates"),
       flag("guard_measure", c.guard_measure,
            "Without a guard, take cos(delta, -erasure) of each update nevertheless: whether one could "
            "matter.")}};
}

}  // namespace afu::config::schema
