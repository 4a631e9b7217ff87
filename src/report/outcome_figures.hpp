#pragma once
/// What a run came to, taken from its logs: figures that need more than one version, or more than one run
/// (METHODS 7.7, 7.9). Pure.
#include <optional>
#include <vector>

#include "report/run_data.hpp"

namespace afu::report {

/// Each metric's mean over the last `evaluations` evaluated versions that have it, as far as they come at or
/// after `forgotten_at` of every request served (a run in which nothing was forgotten has no such bound). A
/// metric that no such version has, and every metric for 0 evaluations, is the summary's final one.
record::Figures late_figures(const Run& run, std::size_t evaluations);

/// What a published version must reach to pass as erased (METHODS 7.7, t_ok).
struct Passing {
  double most_attack = 1, least_test = 0;
  std::size_t consecutive = 3;  ///< evaluations that must agree
};

/// The first time at or after `from` of an evaluation that passes, with the next ones up to `consecutive`.
/// Absent: never, or the rows lack attack success or test accuracy.
std::optional<double> passing_time(const std::vector<record::MetricsRow>& rows, double from,
                                   const Passing& passing);

/// Updates that the server accepted, by time, and the window after the request that throughput is taken over:
/// (begin, end], as in summary.json.
struct Throughput {
  std::vector<double> accepted;
  double begin = 0, end = 0;
  std::size_t in(double from, double to) const;  ///< accepted in (from, to]
};
/// `accepted` holds all clients' but those that ever ask to be forgotten.
Throughput throughput_of(const std::vector<LogRecord>& log, const record::Summary& summary);

/// Retained updates accepted within `run`'s window, of those that `untouched`, the run of the same seed in
/// which the client just leaves, accepted in that same time: what the erasure cost the federation, free of
/// the luck of the draw that a comparison with the time before has under heavy tails. Absent where that is
/// none.
std::optional<double> paired_throughput(const Throughput& run, const Throughput& untouched);

}  // namespace afu::report
