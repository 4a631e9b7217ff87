#include "figures/outcome_figures.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "figures/blame.hpp"
#include "figures/erasure_figures.hpp"

namespace afu::figures {

record::Figures late_figures(const Run& run, std::size_t evaluations) {
  auto out = run.summary.final;
  double from = -std::numeric_limits<double>::infinity();
  for (const auto& e : run.summary.erasures)
    if (e.forgotten_at) from = std::max(from, *e.forgotten_at);
  for (const auto& metric : metrics()) {
    const auto has = [&](const record::MetricsRow& r) { return (r.*metric.row).has_value(); };
    if (std::none_of(run.rows.begin(), run.rows.end(), has)) continue;
    std::vector<double> last;
    bool whole = true;
    for (auto row = run.rows.rbegin(); row != run.rows.rend() && last.size() < evaluations; ++row) {
      if (row->time < from) continue;
      whole = whole && has(*row);
      if (whole) last.push_back(*((*row).*metric.row));
      if (!whole) break;
    }
    if (!whole)
      out.*metric.figure = std::nullopt;
    else if (!last.empty())
      out.*metric.figure = std::accumulate(last.begin(), last.end(), 0.0) / static_cast<double>(last.size());
  }
  return out;
}

std::optional<double> passing_time(const std::vector<record::MetricsRow>& rows, double from,
                                   const Passing& passing) {
  const auto passes = [&](const record::MetricsRow& row) {
    const auto &forgetting = row.*passing.forgetting->row, &utility = row.*passing.utility->row;
    return forgetting && utility && *forgetting <= passing.most && *utility >= passing.least;
  };
  std::optional<double> since, candidate;  // of those that pass one after the other, the first
  std::size_t good = 0, bad = 0;
  for (const auto& row : rows) {
    if (row.time < from) continue;
    if (passes(row)) {
      if (good++ == 0) candidate = row.time;
      bad = 0;
      if (good >= passing.consecutive && !since) since = candidate;
    } else {
      good = 0;
      if (++bad >= passing.consecutive) since.reset();
    }
  }
  return since;
}

Throughput throughput_of(const std::vector<LogRecord>& log, const record::Summary& summary) {
  Throughput t;
  std::set<std::uint32_t> asked;
  for (const auto& e : summary.erasures)
    if (e.client >= 0) asked.insert(static_cast<std::uint32_t>(e.client));
  std::vector<AcceptedUpdate> merged, gathered;  // a buffer's updates are accepted when they are gathered
  for (const auto& entry : log)
    if (const auto* d = std::get_if<record::Decision>(&entry); d && asked.count(d->client) == 0) {
      if (is_acceptance(d->kind)) merged.push_back({d->time, d->client});
      if (d->kind == record::Decision::Kind::buffered) gathered.push_back({d->time, d->client});
    }
  std::vector<TimeSpan> halted;
  for (const auto& h : halts_of(log)) halted.push_back({h.begin, h.end});
  t.retained = RetainedWork(gathered.empty() ? merged : gathered, halted, summary.virtual_seconds);
  const auto* request = record::first_request(summary);
  if (!request) return t;
  const auto& first = *request;
  t.begin = *first.requested_at;
  t.end =
      std::min(summary.virtual_seconds,
               t.begin + throughput_window(t.begin, first.forgotten_at.value_or(summary.virtual_seconds)));
  return t;
}

std::optional<double> paired_throughput(const Throughput& run, const Throughput& untouched) {
  if (run.retained.empty() || untouched.retained.empty()) return std::nullopt;
  const double end = std::min(run.end, untouched.retained.last());
  const double theirs = untouched.retained.in(run.begin, end);
  if (theirs == 0) return std::nullopt;
  return run.retained.in(run.begin, end) / theirs;
}

}  // namespace afu::figures
