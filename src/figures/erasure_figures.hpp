#pragma once
/// What an erasure cost and whether its influence came back (src/metrics/README.md, Time of an erasure), from
/// what a run recorded.
#include <vector>

#include "figures/retained_work.hpp"
#include "record/records.hpp"

namespace afu::figures {

/// Sets `downtime_seconds`, `retained_throughput_ratio` and what fill_request_figures sets of `erasure`,
/// whose other fields are given. Let r = requested_at and f = forgotten_at, or `run_end` when it was never
/// forgotten. Both are absent where the server was never asked.
///
/// - downtime: the time within [r, f] that lies in any of `halted` (intervals may overlap and stand in any
///   order; one still open ends at `run_end`). 0 when the server never halted.
/// - retained throughput ratio: the work of retained clients that was accepted per second after the request /
///   before it. With W = max(f - r, r/4), the windows are (r, r+W], cut at `run_end`, and (r-W, r], cut at 0;
///   each rate is `retained` in the window over its length as cut. Absent when no update was accepted up to
///   the request, or a window is empty.
/// - what its own samples tell: see fill_request_figures.
void fill_erasure_figures(record::ErasureRecord& erasure, const std::vector<record::MetricsRow>& rows,
                          const RetainedWork& retained, const std::vector<TimeSpan>& halted, double run_end);

/// W of the retained throughput ratio, in seconds.
double throughput_window(double requested_at, double forgotten_at);

}  // namespace afu::figures
