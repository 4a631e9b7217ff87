#include "figures/service.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "figures/figure_text.hpp"

namespace afu::figures {

namespace {

/// Whether anybody is served the version of a row. A version's epoch counts the erasures in it.
class Published {
 public:
  Published(const record::Summary& summary, bool restarted) : restarted_(restarted) {
    for (const auto& e : summary.erasures)
      if (e.forgotten_at) caught_up_.insert(*e.forgotten_at);
  }
  /// The n-th retraining is published when it has caught up, the n-th of all.
  bool is(const record::MetricsRow& row) const {
    if (!restarted_ || row.epoch == 0) return true;
    if (row.epoch > caught_up_.size()) return false;
    return row.time >= *std::next(caught_up_.begin(), static_cast<std::ptrdiff_t>(row.epoch) - 1);
  }

 private:
  bool restarted_;
  std::set<double> caught_up_;  ///< requests that one retraining fulfils have one time
};

/// Versions that were published between two that were evaluated; empty: few enough.
std::string gap_between(const record::MetricsRow& a, const record::MetricsRow& b, bool restarted,
                        std::size_t round_updates) {
  const auto between = static_cast<double>(b.version) - static_cast<double>(a.version) - 1;
  const auto updates = static_cast<double>(b.updates) - static_cast<double>(a.updates);
  if (restarted && a.epoch != b.epoch) return {};  // those between were trained, and not published
  if (between < 1 || updates <= static_cast<double>(longest_gap_rounds * round_updates)) return {};
  return fmt::format(
      "between {:.6g} s and {:.6g} s {} were published and none evaluated, of {:.0f} updates{}: "
      "evaluation.every_updates, evaluation.dense_updates",
      a.time, b.time, counted(static_cast<std::size_t>(between), "version"), updates,
      round_updates == 0 ? " (how many a round has is not known without an event log)" : "");
}

}  // namespace

double ServedCurve::at(double seconds) const {
  double out = base;
  for (const auto& v : versions) {
    if (v.since > seconds || seconds < 0) break;
    out = v.utility;
  }
  return out;
}

std::optional<double> ServedCurve::erased() const {
  double last = 0;
  for (const auto& i : held) last = std::max(last, i.end);
  return held.empty() || std::isinf(last) ? std::nullopt : std::optional(last);
}

ServedCurve served_curve(const Run& run, const Metric& utility, bool restarted, std::size_t round_updates) {
  ServedCurve c;
  const auto* first = record::first_request(run.summary);
  if (first == nullptr) {
    c.unknown = "nobody asked to be forgotten";
    return c;
  }
  const double begin = *first->requested_at;
  c.end = std::max(0.0, run.summary.virtual_seconds - begin);
  for (const auto& e : run.summary.erasures) {
    if (!e.requested_at) continue;
    const auto& without = restarted ? e.forgotten_at : e.merged_at;
    c.held.push_back(
        {*e.requested_at - begin, without ? *without - begin : std::numeric_limits<double>::infinity()});
  }
  const Published published(run.summary, restarted);
  const record::MetricsRow* last = nullptr;  // that was served
  const auto measured = [&](const record::MetricsRow& row) {
    return row.*utility.row && std::isfinite(*(row.*utility.row));
  };
  const auto lacks = [&](const record::MetricsRow& row) {
    c.unknown =
        fmt::format("version {}, published at {:.6g} s, has no {}", row.version, row.time, utility.title);
  };
  for (const auto& row : run.rows)
    if (row.time <= begin && row.epoch == 0) last = &row;
  if (last == nullptr) {
    c.unknown = "no version from before the request was evaluated";
    return c;
  }
  if (!measured(*last)) {
    lacks(*last);
    return c;
  }
  c.base = *(last->*utility.row);
  c.versions.push_back({0, c.base});
  for (auto row = run.rows.begin() + (last - run.rows.data()) + 1; row != run.rows.end(); ++row) {
    if (!published.is(*row)) continue;
    c.known_until = std::max(0.0, last->time - begin);
    c.unknown = gap_between(*last, *row, restarted, round_updates);
    if (!c.unknown.empty()) return c;
    last = &*row;
    c.known_until = std::max(0.0, row->time - begin);
    if (!measured(*row)) {
      lacks(*row);
      return c;
    }
    c.versions.push_back({c.known_until, *((*row).*utility.row)});
  }
  c.known_until = c.end;
  return c;
}

std::optional<Service> service_of(const ServedCurve& curve, double horizon, std::optional<double> margin) {
  if (curve.versions.empty() || horizon > curve.known_until) return std::nullopt;
  Service s;
  s.horizon = horizon;
  if (margin) s.below = 0;
  for (std::size_t i = 0; i < curve.versions.size(); ++i) {
    const auto& v = curve.versions[i];
    const double until =
        std::min(horizon, i + 1 < curve.versions.size() ? curve.versions[i + 1].since : horizon);
    const double seconds = until - v.since;
    if (!(seconds > 0)) continue;
    s.lost += 100 * std::max(0.0, curve.base - v.utility) * seconds;
    if (margin && v.utility < curve.base - *margin) *s.below += seconds;
  }
  for (const auto& i : united(curve.held, horizon)) s.held += i.end - i.begin;
  return s;
}

double service_horizon(const std::vector<double>& ends, std::optional<double> round_seconds) {
  const double shortest = *std::min_element(ends.begin(), ends.end());
  return round_seconds ? std::min(shortest, static_cast<double>(service_rounds) * *round_seconds) : shortest;
}

}  // namespace afu::figures
