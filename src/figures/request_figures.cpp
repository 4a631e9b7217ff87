#include "figures/request_figures.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

namespace afu::figures {

namespace {

using Member = std::optional<double> record::RequestFigures::*;

struct Value {
  double time = 0, value = 0;
};

std::vector<Value> values_of(const std::vector<record::MetricsRow>& rows, std::size_t request, Member m) {
  std::vector<Value> out;
  for (const auto& row : rows) {
    if (request >= row.requests.size()) continue;  // a run that nobody measures has no figures
    const auto& v = row.requests[request].*m;
    if (v && std::isfinite(*v)) out.push_back({row.time, *v});
  }
  return out;
}

struct Rebound {
  double max, end;
};

std::optional<Rebound> rebound(const std::vector<Value>& values, double forgotten) {
  std::optional<double> start;
  std::vector<double> later;
  for (const auto& v : values) {
    if (v.time < forgotten) continue;
    if (!start || v.time == forgotten)
      start = v.value;
    else
      later.push_back(v.value);
  }
  if (later.empty()) return std::nullopt;
  const auto last = std::min<std::size_t>(later.size(), 5);
  const double mean = std::accumulate(later.end() - static_cast<std::ptrdiff_t>(last), later.end(), 0.0) /
                      static_cast<double>(last);
  return Rebound{*std::max_element(later.begin(), later.end()) - *start, mean - *start};
}

}  // namespace

void fill_request_figures(record::ErasureRecord& erasure, const std::vector<record::MetricsRow>& rows) {
  erasure.rebound_max = erasure.rebound_end = std::nullopt;
  erasure.rebound_of.clear();
  erasure.final = {};
  if (!rows.empty() && erasure.request < rows.back().requests.size())
    erasure.final = rows.back().requests[erasure.request];
  if (!erasure.forgotten_at) return;
  const auto attack = values_of(rows, erasure.request, &record::RequestFigures::attack_success_rate);
  const auto values =
      !attack.empty() ? attack : values_of(rows, erasure.request, &record::RequestFigures::forget_accuracy);
  if (const auto r = rebound(values, *erasure.forgotten_at)) {
    erasure.rebound_of = attack.empty() ? "forget_accuracy" : "attack_success_rate";
    erasure.rebound_max = r->max;
    erasure.rebound_end = r->end;
  }
}

}  // namespace afu::figures
