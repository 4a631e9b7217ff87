// What is learned and forgotten: model, training, unlearning, calibration, evaluation.
#include "config/attack_names.hpp"
#include "config/schema_parts.hpp"
#include "config/sections/calibration.hpp"
#include "config/sections/evaluation.hpp"
#include "config/sections/model.hpp"
#include "config/sections/training.hpp"
#include "config/sections/unlearning.hpp"

namespace afu::config::schema {

Section model(ModelSection& m) {
  return {
      "model",
      "What is trained.",
      {choice(
           "name", m.name,
           "cnn: two 5x5 convolutions (32, 64), FC 512. cnn_small: two 3x3 convolutions (16, 32), GroupNorm. "
           "lenet: LeNet-5 with max pooling and ReLU. cnn_mnist: PyTorch's MNIST example. resnet18: 3x3 "
           "stem. mlp: two hidden layers. logreg. torchscript: your own module.")
           .alias({"kind", "type", "architecture"}),
       number("hidden", m.hidden, from(1, 65536), "Hidden units (mlp)."),
       choice("norm", m.norm, "Normalisation (resnet18); batch: its buffers are averaged like the weights."),
       text("path", m.path,
            "File of the module (torchscript), as torch.jit.script or torch.jit.trace and save write it; "
            "found like data.path. It is called with float32 images [B, C, H, W] of pixels scaled to (x / "
            "255 - 0.5) / 0.5, so from -1 to 1, and gives logits [B, classes].")
           .alias({"file"}),
       number("init_seed", m.init_seed, from(0),
              "Seed of the initial weights alone; 0: scenario.seed. Retrained references of one federation "
              "that begin elsewhere differ in nothing else.")}};
}

Section augment(Augmentation& a) {
  return {
      "training.augment",
      "How far a client's local training changes an image each time that it is seen; every amount is uniform "
      "in its range. What a method computes for an erasure by steps of its own sees the images as they are. "
      "On a GPU the steps of such training are launched one by one, not recorded.",
      {flag("flip", a.flip, "Left and right are exchanged every second time.").alias({"mirror"}),
       number("rotate", a.rotate, from(0, 180), "Either way.", "degrees").alias({"rotation"}),
       number("scale", a.scale, from(0, 0.9), "Part of the size by which it changes, either way.")
           .alias({"zoom", "crop"}),
       number("shift", a.shift, from(0, 1024), "Across and down, either way.", "pixels").alias({"translate"}),
       number("contrast", a.contrast, from(0, 1),
              "Part by which distances to the image's mean change, either way.")
           .alias({"jitter"}),
       number("brightness", a.brightness, from(0, 1), "Part of the whole range, either way.")}};
}

Section training(TrainingSection& t) {
  return {
      "training",
      "How clients train and how the server merges what they send.",
      {choice(
           "rule", t.rule,
           "async_delta: w += server_lr * s(staleness) * delta, at each arrival. fedasync: whole models are "
           "mixed. fedbuff: deltas are merged by the buffer. fedavg: synchronous rounds with a barrier. "
           "aso_fed: each delta is balanced with the client's earlier ones. port: by the buffer, weighted by "
           "likeness to the model's last course and by staleness.")
           .alias({"aggregation", "algorithm", "aggregator", "strategy"}),
       number("local_epochs", t.local_epochs, from(1, 1000), "Passes over its own samples in a client's job.")
           .alias({"epoch", "epochs", "num_epochs"}),
       number("local_steps", t.local_steps, from(0, 1'000'000),
              "When positive, the number of steps of a job, whatever local_epochs says.")
           .alias({"steps"}),
       number("batch_size", t.batch_size, from(1, 65536), "Samples of a step.").alias({"batch"}),
       number("lr", t.lr, above(0, 1), "Step size of local SGD.")
           .alias({"learning_rate", "step_size", "client_lr"}),
       number("momentum", t.momentum, from(0, 0.9999), "Of local SGD, without dampening."),
       number("weight_decay", t.weight_decay, from(0, 1), "Of local SGD.").alias({"wd", "l2"}),
       number("clip_norm", t.clip_norm, from(0),
              "Gradients longer than this are scaled to it; 0: no clipping.")
           .alias({"clip", "grad_clip", "max_norm"}),
       number("prox_mu", t.prox_mu, from(0), "FedProx: weight of the pull towards the base version.")
           .alias({"mu", "rho", "fedprox"}),
       number("max_delta", t.max_delta, from(0),
              "A client scales what it sends, after - before, down to this norm; 0: never. AFU-IC's presumed "
              "authors use 1 in one of their scripts.")
           .alias({"delta_clip"}),
       number("server_lr", t.server_lr, above(0, 10), "Weight of a delta (async_delta, fedbuff).")
           .alias({"eta", "global_lr"}),
       number("mixing", t.mixing, above(0, 1), "Weight of a client's model (fedasync).").alias({"alpha"}),
       number("mixing_halved_at", t.mixing_halved_at, from(0),
              "After so many updates mixing counts half, as FedAsync's paper has it late in training and its "
              "public codes do not (fedasync); 0: never.",
              "updates"),
       choice("staleness", t.staleness,
              "Discount s(tau) of an update that is tau versions old. constant: 1. polynomial: (1 + tau)^-a. "
              "exponential: exp(-a * tau). hinge: 1 up to b, then 1 / (a * (tau - b) + 1)."),
       number("staleness_a", t.staleness_a, from(0), "a of the discount."),
       number("staleness_b", t.staleness_b, from(0), "b of the discount (hinge).", "versions"),
       number("staleness_average", t.staleness_average, from(0),
              "s(tau) is divided by s of this, so that an update of that staleness counts 1, as in FLSim "
              "(fedbuff); 0: as in the paper, by s(0) = 1.",
              "versions"),
       choice(
           "round_weights", t.round_weights,
           "What a client's part in a round goes by (fedavg). samples: n_k / sum of n, the paper's. uniform: "
           "1 / clients, as IBM's code and those derived from it have it."),
       flag("weight_by_samples", t.weight_by_samples,
            "Weight clients by n_k / mean n, clipped to [0.4, 1.6] (async_delta)."),
       number("buffer_size", t.buffer_size, from(1, most_clients),
              "Updates merged at a time (fedbuff, port)."),
       choice(
           "buffer_normalisation", t.buffer_normalisation,
           "What a buffer's sum of s(tau) * delta is divided by (fedbuff). count: buffer_size, the paper's "
           "form. staleness: the sum of s(tau)."),
       number("server_momentum", t.server_momentum, from(0, 0.9999),
              "Of the server's step: m = server_momentum * m + merged deltas, w += m (fedavg, fedbuff)."),
       number(
           "aso_beta", t.aso_beta, from(0, 0.9999),
           "What a client's balance keeps of itself: h = beta * h + (1 - beta) * last delta (aso_fed). The "
           "paper is thought to use about 0.001; a re-implementation uses 0.5."),
       flag(
           "aso_feature_step", t.aso_feature_step,
           "After each merge, scale the first layer's weights by the softmax of their sizes over each column "
           "(aso_fed); it shrinks them by about the number of rows."),
       number("port_similarity", t.port_similarity, from(0),
              "Weight of (cos(w_t - w_{t-2}, delta) + 1) / 2 (port)."),
       number("port_staleness", t.port_staleness, from(0),
              "Weight of S / (tau + S), S being staleness_bound (port)."),
       number("staleness_bound", t.staleness_bound, above(0), "S of that weight (port).", "versions"),
       number(
           "ewc_strength", t.ewc_strength, from(0),
           "After an erasure clients are pulled towards the model that counts as erased, by this times its "
           "diagonal Fisher information, scaled to mean 1 (EWC); 0: they are not. 0.001 is a start; "
           "lr * ewc_strength * the largest entry must stay below 1.")
           .alias({"ewc", "ewc_lambda"}),
       number("ewc_samples", t.ewc_samples, from(1, 1'000'000),
              "Most calibration images that the Fisher information is computed on; each "
              "costs the server a pass for every class.",
              "samples"),
       choice("ewc_labels", t.ewc_labels,
              "Which labels the Fisher information is taken over. all: every class, by its probability, "
              "exactly. sampled: one class an image, drawn from the model. own: the image's, the \"empirical "
              "Fisher\". The latter two cost one pass an image."),
       number("clients_per_round", t.clients_per_round, from(0, most_clients),
              "Clients sampled for a round (fedavg); 0: all."),
       number("max_in_flight", t.max_in_flight, from(0, most_clients),
              "Clients that work at a time (asynchronous rules); 0: all.")
           .alias({"concurrency"})}};
}

Section unlearning(UnlearningSection& u, const std::vector<PluginSection>& methods) {
  std::vector<std::string> names;
  for (const auto& m : methods) names.push_back(m.name);
  return {"unlearning",
          "How a client is forgotten.",
          {text("method", u.method, "See the sections [unlearning.METHOD] for what each does.", names)
               .alias({"name", "algorithm"}),
           choice("coordination", u.coordination,
                  "default: as the method's authors prescribe. blocking: the federation halts and waits for "
                  "stragglers. concurrent: everybody else goes on training."),
           choice("late", u.late,
                  "What becomes of an update whose base still held the erased data. rebase: its base is "
                  "corrected. guard: what points back is removed. drop. accept: the known leak, a positive "
                  "control."),
           number("history_budget_mb", u.history_budget_mb, from(0),
                  "Most the server may keep for the method.", "MB")}};
}

Section calibration(CalibrationSection& c) {
  return {
      "calibration",
      "The server-side calibration of afu_ic, on held-out images: none of the target's, none of the test "
      "set.",
      {text(
           "source", c.source,
           "Whose the images are. validation: of the validation split, in each client's class mix. clients: "
           "each client that never asks for an erasure gives held-out images of its own, of its own subjects "
           "and scanner; they are no non-members any more.",
           {"validation", "clients"}),
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
       text("optimiser", c.optimiser,
            "sgd, or adam (which has no use for momentum); anew in each calibration.", {"sgd", "adam"})
           .alias({"optimizer"}),
       number("risk", c.risk, from(0), "Weight of the mean over environments of the cross entropy."),
       number("beta", c.beta, from(0), "Weight of KL(p before the erasure || p)."),
       number("kd", c.kd, from(0), "Weight of KL(p right after the erasure || p).").alias({"lambda_kd"}),
       number(
           "fisher", c.fisher, from(0),
           "Strength of the pull to the model right after the erasure, by its diagonal Fisher information, "
           "scaled to mean 1; 0.001 is a start.")
           .alias({"lambda_F", "ewc"}),
       text("fisher_form", c.fisher_form,
            "gradient: in the step; lr * fisher * the largest entry must stay below 1. proximal: after it, "
            "stable for any strength.",
            {"gradient", "proximal"}),
       number("fisher_samples", c.fisher_samples, from(1, 1'000'000),
              "Most calibration images for it; each costs a pass for every class.", "samples"),
       text("invariance", c.invariance,
            "What lambda weighs. perturbation: KL(p(x) || p(T(x))). irm: the IRMv1 penalty. vrex: the "
            "variance of the environments' risks. none.",
            {"none", "perturbation", "irm", "vrex"}),
       number("lambda", c.lambda, from(0), "Weight of the invariance's penalty."),
       number("anneal_jobs", c.anneal_jobs, from(0),
              "In so many first calibrations lambda is 1 at most (irm 5).", "calibrations"),
       flag("divide_loss", c.divide_loss, "Divide the loss by max(1, lambda), as IRM's authors do."),
       text("perturbation", c.perturbation,
            "T. blind, the default: random squares, lines, corner bars. oracle: the backdoor's own trigger, "
            "which nobody knows: an upper bound. adversarial: the smallest mask and pattern that turn images "
            "into one label, searched on the calibration set.",
            {"default", "blind", "oracle", "adversarial"}),
       number("adversarial_every", c.adversarial_every, from(1), "Search anew every so many calibrations.",
              "calibrations"),
       number("adversarial_steps", c.adversarial_steps, from(1, 100'000),
              "Steps of Adam of the search, for every label.", "steps"),
       number("adversarial_lr", c.adversarial_lr, above(0, 10), "Their size."),
       number("adversarial_sparsity", c.adversarial_sparsity, from(0), "Weight of the mask's sum."),
       text(
           "irm_estimator", c.irm_estimator,
           "square: of an environment's derivative. halves: the product of its even and odd rows', unbiased.",
           {"square", "halves"}),
       text(
           "environments", c.environments,
           "client: a retained client is one. interventional: so is each with its images patched, shifted in "
           "intensity, blurred (four times the cost).",
           {"client", "interventional"}),
       flag("placebo", c.placebo,
            "The control: the same images, altered copies, steps and schedule with the cross entropy alone, "
            "and no gate."),
       number(
           "stages", c.stages, from(1, 1'000'000),
           "The calibration right after the merge begins at the model before the erasure and goes through "
           "it in so many equal parts, one a step at most, with its share of `steps` behind each. What was "
           "merged stays merged: only the steps' sum is added. 1: it begins at the erased model."),
       flag("until_loss", c.until_loss,
            "Right after the merge, repeat `steps` until the cross entropy is what it was before the "
            "erasure."),
       number("until_loss_steps", c.until_loss_steps, from(1, 1'000'000),
              "At most so many steps; timing-only runs take all.", "steps"),
       number("window_updates", c.window_updates, from(0),
              "Calibration, and the guard, go on for so many updates after the erasure.", "updates")
           .alias({"until_updates"}),
       number("window_every", c.window_every, from(1), "In the window, calibrate once every so many updates.",
              "updates")
           .alias({"every_updates"}),
       number("window_steps", c.window_steps, from(0, 1'000'000), "In the window, steps each time."),
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

Section evaluation(EvaluationSection& e) {
  return {"evaluation",
          "When versions are measured; it costs no simulated time.",
          {number("every_updates", e.every_updates, from(1), "Measure every so many versions.", "updates")
               .alias({"every", "interval"}),
           number("dense_updates", e.dense_updates, from(0),
                  "Measure every version for so long after a merge.", "updates"),
           number("batch_size", e.batch_size, from(1, 65536), "Samples of a forward pass.").alias({"batch"}),
           number("max_retain_samples", e.max_retain_samples, from(0),
                  "Most of the retained clients' training samples to measure on; 0: all."),
           text("attacks", e.attacks,
                "What is tried on the versions before the request, at the merge, 16 updates later and at the "
                "end, into attacks.csv: " +
                    attack::described() + ".")
               .alias({"attack", "mia"}),
           number("reference_models", e.reference_models, from(0, 64),
                  "Models that lira and rmia compare with; 0: these two are left out. Each has the run's "
                  "architecture and local training, fresh weights, and a random half of the training samples "
                  "that nobody asks to forget."),
           number("reference_epochs", e.reference_epochs, from(1, 10'000),
                  "Passes of a reference model over its half."),
           number("rmia_a", e.rmia_a, from(0, 1),
                  "a of rmia: what p(x) is taken to be where only models without x are known, "
                  "((1 + a) * mean of theirs + 1 - a) / 2."),
           number("relearn_batches", e.relearn_batches, from(1, 1'000'000),
                  "Most batches of the forget set that relearn tries.", "batches")}};
}

}  // namespace afu::config::schema
