#include "figures/same_answers.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace afu::figures {

std::optional<std::string> same_answers_text(const std::vector<record::MetricsRow>& rows) {
  const auto same = [](const record::MetricsRow& row) { return row.same_answers; };
  const auto first = std::find_if(rows.begin(), rows.end(), same);
  if (first == rows.end()) return std::nullopt;
  const auto count = std::count_if(first, rows.end(), same);
  return fmt::format(
      "all test images have the same answer in {} of {} evaluated versions, the first is version {} (after {} "
      "updates), {}: their network's units are dead or saturated, and nothing can be told from their figures; a smaller "
      "training.lr may keep it alive",
      count, rows.size(), first->version, first->updates,
      rows.back().same_answers ? "the last one is among them" : "the last one is not among them");
}

}  // namespace afu::figures
