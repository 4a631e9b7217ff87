#pragma once
/// What a request's own samples tell of its erasure, from the evaluations of a run. Several requests may be
/// on their way at once: none is told by the samples of another.
#include <optional>
#include <vector>

#include "record/records.hpp"

namespace afu::figures {

/// Sets `rebound_of`, `rebound_max`, `rebound_end` and `final` of `erasure`, whose other fields are given,
/// from the figures that `rows` have of its request. `rows` are in the order of time; figures that are absent
/// or no finite number are passed over.
///
/// - final: those of the last row.
/// - rebound of m = the request's attack success rate where it has one (it covers the whole backdoor), else
///   its forget accuracy. With f = forgotten_at, m(0+) is the first row at or after f that has m; of several
///   rows at exactly f, the last, so that a version published in the same instant just before the erasure is
///   not taken for it. rebound_max = max m(t) - m(0+) over the rows behind it (negative when m only falls),
///   rebound_end = mean of the last 5 of them (fewer where there are fewer) - m(0+). Absent when the request
///   was never fulfilled or no row follows.
void fill_request_figures(record::ErasureRecord& erasure, const std::vector<record::MetricsRow>& rows);

}  // namespace afu::figures
