#pragma once
/// Linear algebra on whole vectors: merges, ledgers, erasures.
#include <memory>
#include <utility>
#include <vector>

#include "job/job.hpp"

namespace afu::engine {

using model::ParametersPtr;

/// The subspace of an erasure e, which later deltas may not point back along (src/calibrate/README.md,
/// Guard).
struct Guard {
  ParametersPtr erasure;  ///< e
  /// Orthogonal u_j of any length, u_j.e >= 0; empty: cosines with -e are taken, no more.
  std::vector<ParametersPtr> basis;
};
AFU_FIELDS(Guard, erasure, basis)
using GuardPtr = std::shared_ptr<const Guard>;

/// coef * v, or, with `guard` g, coef * G(v) where G removes what points back along -(g): G(v) = v -
/// u*min(u.v, 0), u = g/||g|| (src/calibrate/README.md, Guard); then the same for each u_j of each of
/// `guards`, in turn.
struct Term {
  double coefficient = 1.0;
  ParametersPtr vector;
  ParametersPtr guard;
  std::vector<GuardPtr> guards{};
};
AFU_FIELDS(Term, coefficient, vector, guard, guards)

/// What draws a sum w back to a version that a guard was built at: w += strength * sum_j u_j * max(0, -h_j),
/// h_j = u_j.(w - towards) / u_j.u_j.
struct Pull {
  GuardPtr guard;
  ParametersPtr towards;
  double strength = 0;
};
AFU_FIELDS(Pull, guard, towards, strength)

/// keep * start + sum of terms. Null start counts as zero.
struct Combination {
  ParametersPtr start;
  double keep = 1.0;
  std::vector<Term> terms;
  /// How buffers follow: b = (1 - sum of weights) * start.b + sum weight_i * b_i. Empty: start's buffers
  /// unchanged.
  std::vector<std::pair<double, ParametersPtr>> buffers;
  /// Applied to the sum. feature_softmax (ASO-Fed's feature representation learning, Chen et al. 2020): of
  /// the first weight W with two dimensions or more, read as a matrix whose rows are its first dimension,
  /// W <- softmax over each column(|W|) * W.
  enum class Transform { none, feature_softmax } transform{};
  /// The result's numbers get the cosine of the angle between the sum and each of these; 0 where one is zero.
  std::vector<ParametersPtr> compared{};
  std::vector<Pull> pulls{};  ///< applied to the sum
};
AFU_LAST(Combination::Transform, feature_softmax)
AFU_FIELDS(Combination, start, keep, terms, buffers, transform, compared, pulls)

/// One output a combination, in order. Where terms of the first one have guards, the figures tell of the i-th
/// guard, each summed over those terms: guarded.i (how many), cosine.i and cosine_square.i of cos(v, -e),
/// removed.i: the part of |v|^2 that it took out; projected.i: of how many it took any. The numbers are the cosines.
struct CombineJob {
  static constexpr const char* name = "combine";
  std::vector<Combination> outputs;
};
AFU_FIELDS(CombineJob, outputs)
/// Computes every combination and its cosines on the workspace's device; operands of other devices are copied there.
/// Touches neither the workspace's replica nor its buffers. A combination without start and terms is a vector of
/// zeros. Throws std::invalid_argument for a null vector in a term and for sizes that do not fit together.
job::JobResult run(Workspace& workspace, const CombineJob& job);

}  // namespace afu::engine
