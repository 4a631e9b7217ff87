// What is learned and forgotten: model, training, unlearning, evaluation.
#include "config/attack_names.hpp"
#include "config/schema_parts.hpp"
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
           "lenet: LeNet-5 with max pooling and ReLU. cnn_mnist: PyTorch's MNIST example. resnet18, resnet50: "
           "3x3 stem of stride 1, no pooling, as MedMNIST has them for 28 pixels. mlp: two hidden layers. logreg. torchscript: your own module.")
           .alias({"kind", "type", "architecture"}),
       number("hidden", m.hidden, from(1, 65536), "Hidden units (mlp)."),
       choice("norm", m.norm,
              "Normalisation (resnet18, resnet50); batch: its buffers are averaged like the weights."),
       text("path", m.path,
            "File of the module (torchscript), as torch.jit.script or torch.jit.trace and save write it; "
            "found like data.path. It is called with float32 images [B, C, H, W] of pixels scaled to (x / "
            "255 - 0.5) / 0.5, so from -1 to 1, and gives logits [B, classes].")
           .alias({"file"}),
       text(
           "init", m.init,
           "Saved model of the same network that the run starts from, a run's model.pt or its folder, found like "
           "data.path; empty: weights are drawn. What it knows of the samples to be forgotten no method takes out, and "
           "a retraining starts with it, so that it proves nothing, unless unlearning.retrain.init_seed draws its "
           "weights.")
           .alias({"checkpoint", "pretrained", "weights"}),
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
       number("rotate", a.rotate, from(0, 180), "Either way, of volumes in the plane of their slices.",
              "degrees")
           .alias({"rotation"}),
       number("scale", a.scale, from(0, 0.9), "Part of the size by which it changes, either way.")
           .alias({"zoom", "crop"}),
       number("shift", a.shift, from(0, 1024),
              "Across and down, of volumes along the slices too, either way.", "pixels")
           .alias({"translate"}),
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
       number(
           "shards", t.shards, from(1, 64),
           "Each client's samples are divided into so many shards, whole subjects where they are known, and a job trains on "
           "an epoch of each after the other, in an order drawn for each job, local_epochs times; momentum or moments begin "
           "anew at each change. Then afu_ic's ledger is kept by shard, so that a request for a part of a client takes "
           "out the shards that hold some of it, and every upload is so many models long. On a GPU the steps of such "
           "training are launched one by one, not recorded. 1: all samples at once."),
       flag(
           "balanced", t.balanced,
           "Each sample of a batch is of any class that the client has with the same probability, and every class goes "
           "through its own samples in shuffled order; a job has as many steps as without."),
       choice(
           "optimiser", t.optimiser,
           "Of a client's job; what it keeps (momentum, moments) begins anew in each. adam: Kingma and Ba 2015. adamw: "
           "with decoupled weight decay. What a method computes for an erasure by steps of its own is SGD, or what its "
           "section says.")
           .alias({"optimizer"}),
       number("lr", t.lr, above(0, 1), "Step size of local training.")
           .alias({"learning_rate", "step_size", "client_lr"}),
       number("momentum", t.momentum, from(0, 0.9999), "Of local SGD, without dampening."),
       number(
           "weight_decay", t.weight_decay, from(0, 1),
           "Of local training. sgd, adam: added to the gradient, before clipping. adamw: w -= lr * weight_decay * w.")
           .alias({"wd", "l2"}),
       number("beta1", t.beta1, from(0, 0.9999), "What the gradient's mean keeps of itself (adam, adamw)."),
       number("beta2", t.beta2, from(0, 0.99999), "What the squares' mean keeps of itself (adam, adamw)."),
       number("epsilon", t.epsilon, above(0, 1), "Added to the root of the squares' mean (adam, adamw)."),
       choice(
           "schedule", t.schedule,
           "What lr is multiplied with. constant: 1. step: schedule_factor at each milestone passed. cosine: from 1 down "
           "to schedule_floor along half a cosine over schedule_length.")
           .alias({"lr_schedule", "scheduler"}),
       choice(
           "schedule_by", t.schedule_by,
           "What a schedule counts; a training that begins anew begins it anew, and one that goes back goes back in it. "
           "jobs: those that the client was handed before. updates: those that the server had accepted. rounds: those that "
           "were over (fedavg)."),
       numbers("schedule_milestones", t.schedule_milestones, from(1, 1e12),
               "Where the factor falls (step), ascending, in what schedule_by counts."),
       number("schedule_every", t.schedule_every, from(0, 1e12),
              "The factor falls after every so many, in place of milestones (step); 0: milestones say."),
       number("schedule_factor", t.schedule_factor, above(0, 1), "By what it falls (step).").alias({"gamma"}),
       number("schedule_length", t.schedule_length, from(0, 1e12),
              "After so many it stays at schedule_floor (cosine)."),
       number("schedule_floor", t.schedule_floor, from(0, 1), "Factor at the end (cosine)."),
       number(
           "warm_up", t.warm_up, from(0, 1e12),
           "The n-th of so many is trained with n / (warm_up + 1) of the step size, whatever the schedule; a cosine begins "
           "after them, milestones count them.")
           .alias({"warmup"}),
       number("clip_norm", t.clip_norm, from(0),
              "Gradients longer than this are scaled to it; 0: no clipping.")
           .alias({"clip", "grad_clip", "max_norm"}),
       number("prox_mu", t.prox_mu, from(0), "FedProx: weight of the pull towards the base version.")
           .alias({"mu", "rho", "fedprox"}),
       number("max_delta", t.max_delta, from(0),
              "A client scales what it sends, after - before, down to this norm; 0: never. AFU-IC's presumed "
              "authors use 1 in one of their scripts.")
           .alias({"delta_clip"}),
       choice(
           "non_finite", t.non_finite,
           "What becomes of what is not finite. fail: the run ends with the first such update, merge, erasure or "
           "calibration, which it names. drop: such an update is counted, logged and not merged, and its sender goes on; "
           "a calibration likewise; an erasure is refused. Too many such updates in a row, with none that is finite "
           "among them, end the run all the same (100, or 10 a client), and so does a merge of finite ones that is not."),
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

Section evaluation(EvaluationSection& e) {
  return {
      "evaluation",
      "When versions are measured; it costs no simulated time.",
      {number("every_updates", e.every_updates, from(1), "Measure every so many versions.", "updates")
           .alias({"every", "interval"}),
       number("dense_updates", e.dense_updates, from(0), "Measure every version for so long after a merge.",
              "updates"),
       number("batch_size", e.batch_size, from(1, 65536), "Samples of a forward pass.").alias({"batch"}),
       flag(
           "by_client", e.by_client,
           "Also measure each client on the samples that it holds out of training, and the test images of each site "
           "(those of a manifest, or of partition.shift), into clients.csv.")
           .alias({"per_client"}),
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
