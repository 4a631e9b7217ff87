#include "report/outcome_figures.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "report/blame.hpp"
#include "report/erasure_figures.hpp"

namespace afu::report {

record::Figures late_figures(const Run& run, std::size_t evaluations) {
  auto out = run.summary.final;
  double from = -std::numeric_limits<double>::infinity();
  for (const auto& e : run.summary.erasures)
    if (e.forgotten_at) from = std::max(from, *e.forgotten_at);
  for (const auto& metric : metrics()) {
    std::vector<double> last;
    for (auto row = run.rows.rbegin(); row != run.rows.rend() && last.size() < evaluations; ++row)
      if (const auto& v = (*row).*metric.row; v && row->time >= from) last.push_back(*v);
    if (!last.empty())
      out.*metric.figure = std::accumulate(last.begin(), last.end(), 0.0) / static_cast<double>(last.size());
  }
  return out;
}

std::optional<double> passing_time(const std::vector<record::MetricsRow>& rows, double from,
                                   const Passing& passing) {
  std::vector<const record::MetricsRow*> run;  // that pass, one after the other
  for (const auto& row : rows) {
    if (row.time < from || !row.attack_success_rate || !row.test_accuracy) continue;
    if (*row.attack_success_rate <= passing.most_attack && *row.test_accuracy >= passing.least_test)
      run.push_back(&row);
    else
      run.clear();
    if (run.size() == passing.consecutive) return run.front()->time;
  }
  return std::nullopt;
}

std::size_t Throughput::in(double from, double to) const {
  return static_cast<std::size_t>(
      std::count_if(accepted.begin(), accepted.end(), [&](double t) { return from < t && t <= to; }));
}

Throughput throughput_of(const std::vector<LogRecord>& log, const record::Summary& summary) {
  Throughput t;
  std::set<std::uint32_t> asked;
  for (const auto& e : summary.erasures)
    if (e.client >= 0) asked.insert(static_cast<std::uint32_t>(e.client));
  std::vector<double> merged, gathered;  // a buffer's updates are accepted when they are gathered
  for (const auto& entry : log)
    if (const auto* d = std::get_if<record::Decision>(&entry); d && asked.count(d->client) == 0) {
      if (is_acceptance(d->kind)) merged.push_back(d->time);
      if (d->kind == record::Decision::Kind::buffered) gathered.push_back(d->time);
    }
  t.accepted = gathered.empty() ? std::move(merged) : std::move(gathered);
  if (summary.erasures.empty()) return t;
  const auto& first = summary.erasures.front();
  t.begin = first.requested_at;
  t.end =
      std::min(summary.virtual_seconds,
               t.begin + throughput_window(t.begin, first.forgotten_at.value_or(summary.virtual_seconds)));
  return t;
}

std::optional<double> paired_throughput(const Throughput& run, const Throughput& untouched) {
  const double end = untouched.accepted.empty() ? run.begin : std::min(run.end, untouched.accepted.back());
  const auto theirs = untouched.in(run.begin, end);
  if (theirs == 0 || run.accepted.empty()) return std::nullopt;
  return static_cast<double>(run.in(run.begin, end)) / static_cast<double>(theirs);
}

}  // namespace afu::report
