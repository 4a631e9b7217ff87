#pragma once
/// What an erasure cost and whether its influence came back (METHODS 7.7, 7.8), from what a run recorded.
#include <vector>

#include "record/records.hpp"
#include "report/retained_work.hpp"

namespace afu::report {

/// Sets `downtime_seconds`, `retained_throughput_ratio`, `rebound_max` and `rebound_end` of `erasure`, whose
/// other fields are given. Let r = requested_at and f = forgotten_at, or `run_end` when it was never
/// forgotten.
///
/// - downtime: the time within [r, f] that lies in any of `halted` (intervals may overlap and stand in any
/// order; one
///   still open ends at `run_end`). 0 when the server never halted.
/// - retained throughput ratio: the work of retained clients that was accepted per second after the request /
///   before it. With W = max(f - r, r/4), the windows are (r, r+W], cut at `run_end`, and (r-W, r], cut at 0;
///   each rate is `retained` in the window over its length as cut. Absent when no update was accepted up to
///   the request, or a window is empty.
/// - rebound of m = attack success rate when there is a `backdoor`, else forget accuracy: m(0+) is the first
/// row at or
///   after f that has m; of several rows at exactly f, the last, so that a version published in the same
///   instant just before the erasure is not taken for it. rebound_max = max m(t) - m(0+) over the rows behind
///   it (negative when m only falls), rebound_end = mean of the last 5 of them (fewer where there are fewer)
///   - m(0+). Absent when the client was never forgotten or no row follows. `rows` are in the order of time;
///   rows where m is absent or no finite number are passed over.
void fill_erasure_figures(record::ErasureRecord& erasure, const std::vector<record::MetricsRow>& rows,
                          const RetainedWork& retained, const std::vector<Interval>& halted, double run_end,
                          bool backdoor);

/// W of the retained throughput ratio, in seconds.
double throughput_window(double requested_at, double forgotten_at);

}  // namespace afu::report
