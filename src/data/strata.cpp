#include "data/strata.hpp"

#include <map>

namespace afu::data {

namespace {

std::map<std::int64_t, std::int64_t> counts_of(const std::vector<std::int64_t>& labels) {
  std::map<std::int64_t, std::int64_t> counts;
  for (auto label : labels) ++counts[label];
  return counts;
}

}  // namespace

std::vector<std::int64_t> strata(const std::vector<std::int64_t>& labels, std::int64_t label_bits) {
  if (label_bits == 0) return labels;
  std::map<std::int64_t, std::int64_t> number_of;
  for (const auto& [set, count] : counts_of(labels))
    if (count >= least_of_stratum) number_of.emplace(set, static_cast<std::int64_t>(number_of.size()));
  std::vector<std::int64_t> out;
  out.reserve(labels.size());
  for (auto label : labels) {
    const auto at = number_of.find(label);
    out.push_back(at == number_of.end() ? static_cast<std::int64_t>(number_of.size()) : at->second);
  }
  return out;
}

LabelSets label_sets(const std::vector<std::int64_t>& labels) {
  LabelSets s;
  for (const auto& [set, count] : counts_of(labels)) {
    ++s.sets;
    if (count >= least_of_stratum) continue;
    ++s.rare;
    s.rare_images += count;
  }
  return s;
}

}  // namespace afu::data
