#pragma once
/// What a study says about each claim: holds, fails, not enough power to tell, or cannot be judged, and why
/// (src/metrics/README.md, Across seeds; src/calibrate/README.md, What is claimed).
#include <string>
#include <vector>

#include "figures/analysis.hpp"
#include "figures/preconditions.hpp"

namespace afu::figures {

enum class Outcome {
  holds,
  fails,
  open,     ///< not enough power
  unjudged  ///< a completed cell lacks a figure that the claim is about: what the others have says nothing
};
/// "holds", "fails", "not enough power", "cannot be judged"
const char* to_string(Outcome outcome);

struct Verdict {
  Outcome outcome = Outcome::open;
  std::string reason;  ///< in words, with numbers
};

// No claim holds before every cell that it is about is in, nor by values that are the same in every seed
// where these are too few (without_spread).

/// (a) TOST of `arm` against the reference in each metric of the declared family, at both of
/// `moments(study)`: the first published version that contains the erasure, and the end of the protocol's
/// rounds. Holds when every interval lies inside its margins at both, fails when one lies outside altogether,
/// or where a request was never served. Where an attack is among them, "holds" further needs that it was
/// there to be erased (P0), and of each metric of fidelity that the reference is clearly better than a
/// constant classifier (no_better_than_constant). Where membership or what was learned of the forget set
/// could not be seen before the erasure (unseen_membership, unseen_forget_set) nothing is claimed about it,
/// and the reason says so; "holds" then needs another metric of the forget set, or the attack, that has
/// power. A metric that the study measures and a completed cell lacks cannot be judged.
Verdict equivalence(const Analysis& a, std::size_t group, std::size_t arm);

/// (b) The excess of attack success (Excess::blocks) over all rounds and the tail, in blocks of five rounds:
/// holds when the upper end of every block's interval over the seeds (confidence 1 - 2 alpha, so one-sided
/// alpha; an intersection-union test needs no correction) is at most `rebound_margin`, fails when the lower
/// end of any, corrected by Bonferroni, is above. The mean of each run's peak would not do: the largest of
/// many noisy values is above 0 for a second retrain too. "Holds" further needs P0 and P1: a control arm that
/// erased shows what a rebound looks like.
Verdict no_rebound(const Analysis& a, std::size_t group, std::size_t arm);

/// (c) Downtime 0 in every cell, and the interval of the retained throughput at or above
/// `throughput_margin`. Throughput is that of the run of the same seed in which the client just leaves, where
/// the group has an arm of the method none, else summary.json's ratio to the time before the request.
Verdict no_downtime(const Analysis& a, std::size_t group, std::size_t arm);

/// All of these name the completed cells that lack a figure, and then conclude nothing but that a claim fails
/// by figures that all have.
///
/// (d) Of times to pass (Analysis, CellFigures::passing): with s that of the fastest synchronous arm that
/// passes (a), l the subject's and r `latency_ratio`, the interval of s - r l over the seeds lies at or above
/// 0. (Not s / l: l may be 0.) The subject itself must pass (a): who erased nothing is not sooner, so where
/// it fails (a) the claim fails, and where (a) is open so is this; and so it is where a constant classifier
/// would pass as useful (no_better_than_constant, of the metric that passing looks at). Where (a) holds for
/// no synchronous arm, s is that of the fastest for which it is open: who is so much faster than that is so
/// of any that passes. Where nothing was trained (Study::untrained) there is no (a) to pass and no version to
/// look at: times are those to the first version that contains the erasure, s is the fastest synchronous
/// arm's, and the reason says so. A method that publishes at the request is there after 0 s by construction:
/// that is no finding.
Verdict latency(const Analysis& a, std::size_t group, std::size_t arm);

/// (e) The mean of attack success over the protocol's rounds lies below that of each control (Study::controls),
/// seed by seed, by `control_margin` or more on the mean, with p < 1 - confidence (paired t-tests, Holm over the
/// controls). Fails where the interval of a difference (confidence) lies above minus the margin altogether: that much it
/// is not below. "Holds" further needs P0, and that one of these controls rebounds, as P1 has it: where clean training
/// keeps the influence away by itself there is nothing to keep away.
Verdict keeps_away(const Analysis& a, std::size_t group, std::size_t arm);

struct Claim {
  const char *name, *title;
  Verdict (*judge)(const Analysis&, std::size_t group, std::size_t arm);
};
/// In the order (a) to (e). A study names those it makes; see `find_claim`.
const std::vector<Claim>& claims();
const Claim* find_claim(const std::string& name);

}  // namespace afu::figures
