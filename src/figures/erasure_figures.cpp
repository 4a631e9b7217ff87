#include "figures/erasure_figures.hpp"

#include <algorithm>
#include <optional>

#include "figures/request_figures.hpp"

namespace afu::figures {

namespace {

double time_within(std::vector<TimeSpan> intervals, double begin, double end) {
  std::sort(intervals.begin(), intervals.end(),
            [](const auto& a, const auto& b) { return a.begin < b.begin; });
  double total = 0, counted_to = begin;
  for (const auto& i : intervals) {
    const double from = std::max(i.begin, counted_to), to = std::min(i.end, end);
    if (from < to) {
      total += to - from;
      counted_to = to;
    }
  }
  return total;
}

std::optional<double> throughput_ratio(const RetainedWork& retained, double requested, double forgotten,
                                       double run_end) {
  if (retained.empty() || retained.first() > requested) return std::nullopt;
  const double window = throughput_window(requested, forgotten);
  const double begin = std::max(0.0, requested - window), end = std::min(run_end, requested + window);
  if (!(begin < requested && requested < end)) return std::nullopt;
  const double before = retained.in(begin, requested) / (requested - begin);
  const double after = retained.in(requested, end) / (end - requested);
  if (before == 0) return std::nullopt;
  return after / before;
}

}  // namespace

double throughput_window(double requested_at, double forgotten_at) {
  return std::max(forgotten_at - requested_at, requested_at / 4);
}

void fill_erasure_figures(record::ErasureRecord& erasure, const std::vector<record::MetricsRow>& rows,
                          const RetainedWork& retained, const std::vector<TimeSpan>& halted, double run_end) {
  erasure.downtime_seconds = erasure.retained_throughput_ratio = std::nullopt;
  if (erasure.requested_at) {
    const double requested = *erasure.requested_at, forgotten = erasure.forgotten_at.value_or(run_end);
    erasure.downtime_seconds = time_within(halted, requested, forgotten);
    erasure.retained_throughput_ratio = throughput_ratio(retained, requested, forgotten, run_end);
  }
  fill_request_figures(erasure, rows);
}

}  // namespace afu::figures
