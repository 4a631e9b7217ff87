#include "data/units.hpp"

#include <algorithm>
#include <map>
#include <numeric>

namespace afu::data {

namespace {

std::int64_t majority_label(const Indices& rows, const std::vector<std::int64_t>& labels) {
  std::map<std::int64_t, std::int64_t> counts;
  for (auto r : rows) ++counts[labels[static_cast<std::size_t>(r)]];
  return std::max_element(counts.begin(), counts.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

}  // namespace

std::vector<Indices> group_rows(const Indices& rows, const std::vector<std::int64_t>& subjects) {
  std::vector<Indices> groups;
  if (subjects.empty()) {
    groups.reserve(rows.size());
    for (auto r : rows) groups.push_back({r});
    return groups;
  }
  std::map<std::int64_t, Indices> by_subject;
  for (auto r : rows) by_subject[subjects[static_cast<std::size_t>(r)]].push_back(r);
  for (auto& entry : by_subject) groups.push_back(std::move(entry.second));
  return groups;
}

std::vector<Unit> make_units(const Indices& rows, const std::vector<std::int64_t>& labels,
                             const std::vector<std::int64_t>& subjects) {
  std::vector<Unit> units;
  for (auto& group : group_rows(rows, subjects)) {
    const auto label = majority_label(group, labels);
    units.push_back({label, std::move(group)});
  }
  return units;
}

Indices all_rows(std::int64_t n) {
  Indices rows(static_cast<std::size_t>(n));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

std::vector<std::int64_t> apportion(std::int64_t total, const std::vector<std::int64_t>& weights,
                                    const std::vector<std::int64_t>& caps) {
  const auto n = weights.size();
  std::vector<std::int64_t> result(n, 0);
  // Every pass satisfies the whole rest, or fills at least one more cap.
  for (;;) {
    const auto left = total - std::accumulate(result.begin(), result.end(), std::int64_t{0});
    std::vector<std::size_t> open;
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < n; ++i)
      if (weights[i] > 0 && result[i] < caps[i]) {
        open.push_back(i);
        sum += weights[i];
      }
    if (left <= 0 || open.empty()) return result;

    auto extra = left;
    for (auto i : open) extra -= left * weights[i] / sum;
    auto by_remainder = open;
    std::stable_sort(by_remainder.begin(), by_remainder.end(), [&](std::size_t a, std::size_t b) {
      return left * weights[a] % sum > left * weights[b] % sum;
    });
    for (auto i : by_remainder) {
      const auto share = left * weights[i] / sum + (extra-- > 0 ? 1 : 0);
      result[i] = std::min(caps[i], result[i] + share);
    }
  }
}

}  // namespace afu::data
