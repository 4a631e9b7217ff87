#pragma once
/// Whether erased influence came back, and how far above a matched retrain (src/metrics/README.md, Rebound).
///
/// Time t counts asynchronous rounds of `ReboundPlan::round_updates` accepted updates behind 0+, the first
/// published version that contains the erasure. A curve is read at t = 0, 1, ... where the run's counter of
/// updates is updates(0+) + t round_updates; between two evaluations it is interpolated linearly in that
/// counter, of several evaluations at the same count the last stands, and behind the last evaluation there is
/// no value: nothing is extrapolated. A retrain is matched by the same t, that is at the same number of
/// updates behind its own 0+.
#include <optional>
#include <vector>

#include "figures/study_data.hpp"

namespace afu::figures {

/// One value a round, from t = 0; ends where the run does, or before the first value that is not finite.
using RoundCurve = std::vector<double>;

/// `erased_at`: seconds on the run's clock; of several rows at exactly that time the last is 0+ (the one
/// before it is the version the erasure found). The curve ends before the first row behind it where the
/// metric is absent. Empty when no row is left.
RoundCurve round_curve(const std::vector<record::MetricsRow>& rows, double erased_at, const Metric& metric,
                       const ReboundPlan& plan);

/// Of one run's curve m; absent where the curve ends too early.
struct Rebound {
  std::optional<double> max;   ///< R_max: largest m(t) - m(0+) over 0 < t <= rounds
  std::optional<double> end;   ///< R_end: mean of m - m(0+) over the last 5 of those rounds
  std::optional<double> tail;  ///< R_tail: largest m(t) - m(0+) over rounds < t <= rounds + tail_rounds
  /// T_1/2: the first t with m(t) >= (m_orig + m(0+)) / 2, rounds; absent: never.
  std::optional<double> half;
  std::optional<double> slope;  ///< of least squares over t in [5, rounds], per round
};
/// `original`: m before the erasure; T_1/2 needs it, and needs it to be above m(0+).
Rebound rebound_of(const RoundCurve& curve, std::optional<double> original, const ReboundPlan& plan);

/// The mean of m over the last 5 of the protocol's rounds (all of them where there are fewer); absent where
/// the curve ends before.
std::optional<double> settled_of(const RoundCurve& curve, const ReboundPlan& plan);

/// Of E(t) = m(t) - m_ret(t) over t = 1, 2, ... as far as both curves reach.
struct Excess {
  RoundCurve curve;            ///< E, from t = 0
  std::optional<double> area;  ///< AUC_E: mean of max(0, E) over 0 < t <= rounds
  /// The largest mean of E over 5 rounds in a row, over all t > 0 there are. Of one run, so the largest of
  /// many noisy values: above 0 even for a second retrain (several pp). No claim is judged by it.
  std::optional<double> peak;
  std::optional<double> tail;  ///< the same over the tail alone
  /// Mean E over rounds 1 to 5, 6 to 10, ...; a rest of fewer than 5 joins the block before it.
  RoundCurve blocks;
  std::size_t rounds = 0;  ///< the last t
};
inline constexpr std::size_t block_rounds = 5;
/// First and last round of a block, in an excess of `rounds` rounds.
struct Block {
  std::size_t first = 0, last = 0;
};
std::vector<Block> blocks_of(std::size_t rounds);
Excess excess_of(const RoundCurve& curve, const RoundCurve& reference, const ReboundPlan& plan);

}  // namespace afu::figures
