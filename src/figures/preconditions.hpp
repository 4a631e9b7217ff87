#pragma once
/// What must have been so for a claim to have been able to fail (src/metrics/README.md, Preconditions). Where
/// it was not, the study has no power to tell, and no claim holds by it.
#include <optional>
#include <string>
#include <vector>

#include "figures/analysis.hpp"

namespace afu::figures {

inline constexpr double strong_attack = 0.5;    ///< P0: the least lead of the attack before the erasure
inline constexpr double visible_rebound = 0.1;  ///< P1: the least mean rise of a control
/// The least membership AUC before the erasure.
inline constexpr double visible_membership = 0.55;
/// Fewer seeds than this tell nothing.
inline constexpr std::size_t fewest_pairs = 3;

/// Where `values`, one a seed, are all the same their spread is 0 and any interval of their mean a point:
/// that proves nothing. What is left is the sign test, by which n seeds on one side have p = 2^-n: at level
/// `alpha` that few seeds cannot tell. The reason, if so.
std::optional<std::string> without_spread(const std::vector<double>& values, double alpha);

/// P0: before the erasure the attack's success was at least `strong_attack` above the reference's late one,
/// in every seed. The reason why an erasure of the attack could not be seen, if so.
std::optional<std::string> weak_attack(const Analysis& a, std::size_t group, std::size_t arm);

/// Membership must be seen before it can be seen to go: the lower end of the interval of the membership AUC
/// before the erasure (one-sided alpha, over the seeds) is at least `visible_membership`. Else the reason:
/// "before the erasure 0.505 [0.480, 0.530], at least 0.550 are needed".
std::optional<std::string> unseen_membership(const Analysis& a, std::size_t group, std::size_t arm);

/// What was learned of the forget set must be seen before it can be seen to go: the lower end of the interval
/// of how far forget accuracy before the erasure lay above the reference's late one (one-sided alpha, over
/// the seeds) is above the metric's margin. Else the reason: "before the erasure it was +1.2 pp [0.3, 2.1]
/// above retrain's, more than 5 pp is needed".
std::optional<std::string> unseen_forget_set(const Analysis& a, std::size_t group, std::size_t arm);

/// The reference must do clearly better on the test set (for retain accuracy on the retain set) than a
/// classifier that gives every sample the same answer, or to be like it is no finding: at both judged moments
/// and at the end the lower end of the interval of its lead (one-sided alpha, over the seeds) is above the
/// metric's margin. For the calibration error, which a constant classifier may have none of, so must the test
/// AUC's be. Else the reason: "retrain's balanced accuracy 34.8 % is not clearly above a constant
/// classifier's 33.3 % ...: nothing is claimed about fidelity"; also where a run does not tell what its set
/// holds. Empty for other metrics.
std::optional<std::string> no_better_than_constant(const Analysis& a, std::size_t group,
                                                   const Metric& metric);

/// Why a metric of `arm` has no power, by those above; empty for metrics without a precondition.
std::optional<std::string> without_power(const Analysis& a, std::size_t group, std::size_t arm,
                                         const Metric& metric);

/// P1: a control arm that erased, in every seed, shows what it looks like when influence comes back. Of each
/// seed's run the lesser of two means is taken, once over the protocol's rounds and once over its tail: the
/// rise m(t) - m(0+) over the erased model, and the excess over the reference. A control rebounds where the
/// mean over the seeds of one of both is at least `visible_rebound` and the lower end of its interval
/// (one-sided alpha, Bonferroni over the two) above 0. An arm that never erased has nothing to rebound from.
struct VisibleRebound {
  std::optional<std::string> obstacle;  ///< why none is seen
  std::optional<std::size_t> arm;       ///< in which control it is, or is nearest to be
};
VisibleRebound visible_rebound_of(const Analysis& a, std::size_t group);
/// The same of these arms, whatever their role.
VisibleRebound visible_rebound_of(const Analysis& a, std::size_t group, const std::vector<std::size_t>& arms);

}  // namespace afu::figures
