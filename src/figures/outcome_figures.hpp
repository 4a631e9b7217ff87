#pragma once
/// What a run came to, taken from its logs: figures that need more than one version, or more than one run
/// (src/metrics/README.md, Time of an erasure). Pure.
#include <optional>
#include <vector>

#include "figures/retained_work.hpp"
#include "figures/run_data.hpp"

namespace afu::figures {

/// Each metric's mean over the last `evaluations` evaluated versions, as far as they come at or after
/// `forgotten_at` of every request served (a run in which nothing was forgotten has no such bound). Absent
/// where one of these versions lacks a metric that others of the run have: an earlier version's figure may
/// not stand for it. A metric that no row has, every metric where no version is left, and for 0 evaluations,
/// is the summary's final one.
record::Figures late_figures(const Run& run, std::size_t evaluations);

/// What a published version must reach to pass as erased and useful ("passes" in src/metrics/README.md, Time
/// of an erasure).
struct Passing {
  const Metric* forgetting = nullptr;  ///< the attack's success, or forget accuracy where nothing attacks
  double most = 1;
  const Metric* utility = nullptr;  ///< on the test set
  double least = 0;
  std::size_t consecutive = 3;  ///< evaluations that must agree
};

/// The first time at or after `from` of an evaluation that passes, with the next ones up to `consecutive`,
/// and after which never again as many in a row fail: a version that passes by chance, or for a while, is not
/// it. A version without one of both figures does not pass. Absent: never.
std::optional<double> passing_time(const std::vector<record::MetricsRow>& rows, double from,
                                   const Passing& passing);

/// What the server accepted of clients that never ask to be forgotten, and the window after the request that
/// throughput is taken over: (begin, end], as in summary.json.
struct Throughput {
  RetainedWork retained;
  double begin = 0, end = 0;
};
Throughput throughput_of(const std::vector<LogRecord>& log, const record::Summary& summary);

/// The retained work accepted within `run`'s window, of that which `untouched`, the run of the same seed in
/// which the client just leaves, accepted in that same time: what the erasure cost the federation, free of
/// the luck of the draw that a comparison with the time before has under heavy tails. Both count as
/// RetainedWork does, as far as `untouched` reaches. Absent where that is none.
std::optional<double> paired_throughput(const Throughput& run, const Throughput& untouched);

}  // namespace afu::figures
