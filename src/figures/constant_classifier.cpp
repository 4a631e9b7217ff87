#include "figures/constant_classifier.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "figures/figure_text.hpp"

namespace afu::figures {

namespace {

bool is(const Metric& m, const char* name) { return &m == find_metric(name); }
bool is_of_majority(const Metric& m) { return is(m, "test_accuracy") || is(m, "retain_accuracy"); }

/// "50.0 %", "48.1 to 50.0 %"
std::string majority_text(const Metric& m, const std::vector<const record::Summary*>& runs) {
  std::vector<double> shares;
  for (const auto* run : runs)
    if (const auto share = constant_score(m, *run); share && is_of_majority(m)) shares.push_back(*share);
  if (shares.empty()) return {};
  const auto [low, high] = std::minmax_element(shares.begin(), shares.end());
  const auto least = share_text(*low), most = share_text(*high);
  return least == most ? most : fmt::format("{:.1f} to {}", *low * 100, most);
}

/// What answers so: a class, or of each label what most images are.
std::string majority_name(const std::vector<const record::Summary*>& runs) {
  const bool sets = std::any_of(runs.begin(), runs.end(), [](const record::Summary* run) {
    return run->test_set && run->test_set->labels > 0;
  });
  return sets ? "more frequent answer" : "majority class";
}

}  // namespace

bool has_constant_score(const Metric& m) {
  return is_of_majority(m) || is(m, "balanced_accuracy") || is(m, "test_auc") || is(m, "test_loss");
}

std::optional<double> constant_score(const Metric& m, const record::Summary& run) {
  if (is(m, "test_auc")) return 0.5;
  const auto& set = is(m, "retain_accuracy") ? run.retain_set : run.test_set;
  if (!set || !has_constant_score(m)) return std::nullopt;
  if (is(m, "balanced_accuracy")) return 1 / static_cast<double>(set->classes);
  return is(m, "test_loss") ? set->entropy : set->majority_share;
}

std::string majority_aside(const Metric& m, const std::vector<const record::Summary*>& runs) {
  const auto text = majority_text(m, runs);
  return text.empty() ? text : " (" + majority_name(runs) + " " + text + ")";
}

std::string title_beside_majority(const Metric& m, const std::vector<const record::Summary*>& runs) {
  return m.title + majority_aside(m, runs);
}

std::string majority_sentence(const Metric& m, const std::vector<const record::Summary*>& runs) {
  const auto text = majority_text(m, runs);
  return text.empty()
             ? text
             : fmt::format(" {}: the {} alone is {}.", capitalised(m.title), majority_name(runs), text);
}

std::vector<const record::Summary*> runs_of(const Study& study, std::optional<std::size_t> group) {
  std::vector<const record::Summary*> out;
  for (const auto& c : study.cells)
    if (c.run && (!group || c.group == *group)) out.push_back(&c.run->summary);
  return out;
}

}  // namespace afu::figures
