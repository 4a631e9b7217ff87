#pragma once
/// What a lane can be asked to compute, as plain values (never closures): so a lane may batch several into
/// one, find a result in a cache, and a log or a checkpoint can hold them. No torch in this header.
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/random.hpp"
#include "config/augmentation.hpp"
#include "config/option.hpp"
#include "data/dataset.hpp"
#include "model/parameters_fwd.hpp"

namespace afu::job {

using data::IndicesPtr;
using model::ParametersPtr;

/// Local SGD (METHODS 2.1): g += weight_decay*w + prox_mu*(w - w_base); clipped to clip_norm; momentum
/// without dampening. The result, after - base, is scaled down to `max_delta` where it is longer; 0: never
/// (METHODS 2.4).
struct SgdSettings {
  double lr = 0.05, momentum = 0.0, weight_decay = 0.0, clip_norm = 0.0, prox_mu = 0.0, max_delta = 0.0;
};

/// What an unlearning method or a regulariser adds to local training; everything is optional.
struct TrainExtras {
  double lr_factor = 1.0;
  /// 1 where a parameter is trained, 0 where it stays as it is (pruned).
  model::ParametersPtr mask;
  /// g += strength * fisher * (w - anchor) (METHODS 3.1); without `fisher` it counts as 1.
  model::ParametersPtr anchor, fisher;
  double strength = 0.0;
};

/// FedAU (METHODS 5.6): a second head on the same features, trained beside the first.
struct AuxiliaryHead {
  model::ParametersPtr
      head;  ///< the head's last values, in its place in a whole vector; null: there are none yet
  data::IndicesPtr relabelled;  ///< ascending rows that get a fixed random label at this head
  double gamma = 1.0;           ///< it starts from (1 - gamma) main head + gamma `head`
  bool backbone = true;         ///< its loss trains the shared layers too
};

/// Train from `base`; the result is the difference after - base (buffers: their values after).
struct TrainJob {
  model::ParametersPtr base;
  data::IndicesPtr samples;
  SgdSettings sgd;
  std::int64_t epochs = 1, steps = 0, batch_size = 32;  ///< steps > 0 overrides epochs
  base::StreamKey key;                                  ///< order of the samples
  std::shared_ptr<const TrainExtras> extras{};          ///< null: none
  std::shared_ptr<const AuxiliaryHead> auxiliary{};     ///< null: none; else outputs[1] is the new head
  config::Augmentation augment{};
};

/// What one request is measured on: its part of the set `forget`, and non-members that are poisoned to the
/// share of that part; both in ascending order.
struct RequestSets {
  data::IndicesPtr forget, holdout;
  bool backdoor = false;  ///< it covers the whole backdoor, so the attack's success is a figure of its own
};

/// One set of rows an evaluation looks at.
struct EvaluationSets {
  data::IndicesPtr test, forget, retain, holdout, triggered;  ///< empty or null: the figure does not apply
  std::int64_t backdoor_label = -1;
  std::vector<RequestSets> requests{};  ///< one an erasure of the scenario
};
struct EvaluateJob {
  model::ParametersPtr model;
  std::shared_ptr<const EvaluationSets> sets;
  std::int64_t batch_size = 256;
};

/// The subspace of an erasure e, which later deltas may not point back along (METHODS 9.4).
struct Guard {
  model::ParametersPtr erasure;  ///< e
  /// Orthogonal u_j of any length, u_j.e >= 0; empty: cosines with -e are taken, no more.
  std::vector<model::ParametersPtr> basis;
};
using GuardPtr = std::shared_ptr<const Guard>;

/// coef * v, or, with `guard` g, coef * G(v) where G removes what points back along -(g): G(v) = v -
/// u*min(u.v, 0), u = g/||g|| (METHODS 9.4, one-sided); then the same for each u_j of each of `guards`, in
/// turn.
struct Term {
  double coefficient = 1.0;
  model::ParametersPtr vector;
  model::ParametersPtr guard;
  std::vector<GuardPtr> guards{};
};
/// What draws a sum w back to a version that a guard was built at: w += strength * sum_j u_j * max(0, -h_j),
/// h_j = u_j.(w - towards) / u_j.u_j.
struct Pull {
  GuardPtr guard;
  model::ParametersPtr towards;
  double strength = 0;
};
/// keep * start + sum of terms. Null start counts as zero. Buffers: see CombineJob::buffers.
struct Combination {
  model::ParametersPtr start;
  double keep = 1.0;
  std::vector<Term> terms;
  /// How buffers follow: b = (1 - sum of weights) * start.b + sum weight_i * b_i. Empty: start's buffers
  /// unchanged.
  std::vector<std::pair<double, model::ParametersPtr>> buffers;
  /// Applied to the sum. feature_softmax (METHODS 2.5, step 6): of the first weight W with two dimensions or
  /// more, read as a matrix whose rows are its first dimension, W <- softmax over each column(|W|) * W.
  enum class Transform { none, feature_softmax } transform{};
  /// The result's numbers get the cosine of the angle between the sum and each of these; 0 where one is zero.
  std::vector<model::ParametersPtr> compared{};
  std::vector<Pull> pulls{};  ///< applied to the sum
};
/// Linear algebra on whole vectors: merges, ledgers, erasures. One output a combination, in order. Where
/// terms of the first one have guards, the figures tell of the i-th guard, each summed over those terms:
/// guarded.i (how many), cosine.i and cosine_square.i of cos(v, -e), removed.i: the part of |v|^2 that it
/// took out.
struct CombineJob {
  std::vector<Combination> outputs;
};

/// Anything else, by name: the erasures and calibrations that a method brings (lane/kernels.hpp registers
/// them).
struct KernelJob {
  std::string kernel;
  config::Values settings;
  std::vector<Combination> derived;          ///< computed on the lane first and appended to `inputs`
  std::vector<model::ParametersPtr> inputs;  ///< what each is, the kernel documents
  std::vector<data::IndicesPtr> samples;     ///< likewise: one set, or one an environment
  std::vector<double> numbers;               ///< likewise
  base::StreamKey key;
};

using Job = std::variant<TrainJob, EvaluateJob, CombineJob, KernelJob>;

/// What a job returns. `error` is not empty when it failed; nothing else then holds.
struct JobResult {
  std::vector<model::ParametersPtr> outputs;
  std::map<std::string, double>
      figures;                    ///< "loss", "test_accuracy", ...; a figure that does not apply is absent
  std::vector<double> numbers{};  ///< of a CombineJob its cosines; else what the kernel documents
  std::int64_t samples = 0;       ///< sample-gradients or forward passes computed
  double seconds = 0;             ///< real time on the lane
  std::string error;
  bool out_of_memory = false;  ///< that was the error: tried again with more to spare, it may succeed
  /// The first of `outputs` that holds a value which is not finite, or how many there are where one of
  /// `numbers` is not; absent: all are finite. Where it is there, nothing of it may go into a model.
  std::optional<std::size_t> not_finite{};
};

}  // namespace afu::job
