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
      "{} of {} evaluated versions give{} all test images the same answer, the first is version {} (after {} "
      "updates), {}: their network's units are dead or saturated, and nothing can be told from their figures; a smaller "
      "training.lr may keep it alive",
      count, rows.size(), count == 1 ? "s" : "", first->version, first->updates,
      rows.back().same_answers ? "the last one does too" : "the last one does not");
}

}  // namespace afu::figures
