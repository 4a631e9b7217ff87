#pragma once
/// The closed choices of a scenario: which words its keys may have, and what others must know of them. Apart from the
/// sections, so that a key more there does not compile again what only asks for a word.
#include "config/choice.hpp"

namespace afu::config {

// [scenario]

enum class Clock { simulated, wall };
constexpr std::string_view words_of(Clock) { return "virtual, wall"; }

AFU_CHOICE(Execute, train, timing)

// [data]

/// What marks poisoned images (data/poison.hpp).
AFU_CHOICE(Trigger, none, patch, blend, checkerboard, noise, warp)
AFU_CHOICE(TargetMapping, all_to_one, all_to_all)
/// Whether it is a square of so many pixels; what else is a trigger changes the whole image.
constexpr bool is_square(Trigger t) { return t == Trigger::patch || t == Trigger::checkerboard; }
/// Where images come from: generated, a file in MedMNIST's layout, one folder a class, or a table of files.
AFU_CHOICE(DataSource, phantom, npz, image_folder, manifest)
/// Whether an image has one class, or any number of labels (data/label_set.hpp).
AFU_CHOICE(DataTask, auto_, classes, multi_label)
/// Whether the images are files of their own, which readers of many formats decode.
constexpr bool is_files(DataSource s) { return s == DataSource::image_folder || s == DataSource::manifest; }
/// What the dimensions of an npz file's images or volumes (d: slices) are, in their order, or whatever only one reading makes
/// of them.
AFU_CHOICE(ImageLayout, auto_, nhwc, nchw, ndhw, ndhwc, ncdhw)
/// How samples of more than 8 bits become 8 (data/intensity.hpp).
AFU_CHOICE(IntensityMapping, stored, window, extrema, range)
/// Across which axis a volume is cut (data/slices.hpp).
AFU_CHOICE(SliceAxis, axial, coronal, sagittal)
/// What the subjects of DICOM files are called (data/patients.hpp).
AFU_CHOICE(PatientNames, numbered, hashed, clear)

// [partition]

/// How images are divided among the clients (data/partition.hpp).
AFU_CHOICE(PartitionScheme, iid, dirichlet, dirichlet_client, pathological, subject, site)
/// Whose scanners the test images come from.
AFU_CHOICE(TestSites, sites, none)

// [model]

/// The networks (model/networks.hpp), and torchscript, a user's own.
AFU_CHOICE(Architecture, cnn, cnn_small, lenet, cnn_mnist, resnet18, resnet50, mlp, logreg, torchscript)

struct ArchitectureTraits {
  bool imported = false;     ///< from a file, with its weights; its layers are not known
  bool batchable = true;     ///< several clients can train as one network (engine/batched_clients.hpp)
  bool convolutions = true;  ///< whose channels can be told apart
  bool residual = false;     ///< model.norm says how it normalises
};
constexpr ArchitectureTraits traits(Architecture a) {
  ArchitectureTraits t;
  t.imported = a == Architecture::torchscript;
  t.residual = a == Architecture::resnet18 || a == Architecture::resnet50;
  t.batchable = !t.imported && !t.residual;
  t.convolutions = !t.imported && a != Architecture::mlp && a != Architecture::logreg;
  return t;
}

/// How a residual network normalises.
AFU_CHOICE(Norm, group, batch)

// [training]

/// The aggregation rules (src/aggregate/README.md).
AFU_CHOICE(Rule, async_delta, fedavg, fedasync, fedbuff, aso_fed, port)

/// What a rule does that others must know of.
struct RuleTraits {
  bool synchronous = false;  ///< rounds with a barrier
  bool whole_model = false;  ///< mixes models, not differences
  bool buffered = false;     ///< merges several updates at a time
  bool balances = false;     ///< a delta's share goes by what its client sent before
  bool follows = false;      ///< a delta's share goes by the model's last course
};
constexpr RuleTraits traits(Rule rule) {
  RuleTraits t;
  switch (rule) {
    case Rule::async_delta:
      break;
    case Rule::fedavg:
      t.synchronous = true;
      break;
    case Rule::fedasync:
      t.whole_model = true;
      break;
    case Rule::fedbuff:
      t.buffered = true;
      break;
    case Rule::aso_fed:
      t.balances = true;
      break;
    case Rule::port:
      t.buffered = t.follows = true;
      break;
  }
  return t;
}

/// The discounts s(tau) (src/aggregate/README.md, Staleness).
AFU_CHOICE(StalenessForm, constant, polynomial, exponential, hinge)
/// What a client's part in a round of fedavg goes by.
AFU_CHOICE(RoundWeight, samples, uniform)
/// What fedbuff divides by.
AFU_CHOICE(BufferDivisor, count, staleness)
/// Which labels a Fisher information is taken over.
AFU_CHOICE(FisherLabels, all, sampled, own)

// [heterogeneity]

/// When clients are there (sim/availability.hpp).
AFU_CHOICE(AvailabilityModel, always, markov, diurnal, trace)

// [[erasure]] and [unlearning]

/// What is to be forgotten: a client with all it has, a part of its samples, those of subjects, or a class at all
/// clients.
enum class Scope { client, samples, subject, data_class };
constexpr std::string_view words_of(Scope) { return "client, samples, subject, class"; }
/// Whether it is a part of a client's samples, however that is told: a method serves all of these by the same piece.
constexpr bool is_part(Scope s) { return s == Scope::samples || s == Scope::subject; }

/// The form of a method that is asked for; default_: its authors'.
AFU_CHOICE(CoordinationAsked, default_, concurrent, blocking)
/// What becomes of an update whose base still held the erased data (federate/late_updates.hpp).
AFU_CHOICE(LatePolicy, rebase, guard, drop, accept)

// [calibration] and [calibration.research]

/// Whose the calibration's images are.
AFU_CHOICE(CalibrationSource, validation, clients)
AFU_CHOICE(Optimiser, sgd, adam)
/// What lambda weighs (src/calibrate/README.md, Invariances).
AFU_CHOICE(Invariance, none, perturbation, irm, vrex, difference, features)
/// What a pattern of the invariance "difference" looks like (src/calibrate/README.md, Difference).
AFU_CHOICE(PatternForm, mask, additive, both)
/// The families T (there, Perturbation); default_: blind.
AFU_CHOICE(Perturbation, default_, blind, oracle, adversarial, minimax)
/// What an environment is (there, Environments).
AFU_CHOICE(EnvironmentKind, client, interventional)
/// How the Fisher anchor pulls.
AFU_CHOICE(FisherForm, gradient, proximal)
/// How the IRM penalty is estimated.
AFU_CHOICE(IrmEstimator, square, halves)

// [compute]

/// What takes training steps (engine/step_engine.hpp).
AFU_CHOICE(StepEngine, auto_, fused, autograd, graph, kernels)
/// How products are rounded (device/numerics.hpp).
AFU_CHOICE(Precision, fp32, tf32, bf16)

}  // namespace afu::config
