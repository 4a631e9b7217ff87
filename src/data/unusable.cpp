#include "data/unusable.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace afu::data {

std::string some_of(const std::vector<std::string>& all) {
  constexpr std::size_t most = 10;
  const auto shown = std::min(most, all.size());
  auto text =
      fmt::format("\n  {}", fmt::join(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(shown), "\n  "));
  if (all.size() > shown) text += fmt::format("\n  and {} more", all.size() - shown);
  return text;
}

std::string lines_text(std::vector<std::size_t> lines) {
  std::sort(lines.begin(), lines.end());
  lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
  std::string text;
  for (std::size_t i = 0; i < lines.size();) {
    auto last = i;
    while (last + 1 < lines.size() && lines[last + 1] == lines[last] + 1) ++last;
    text += (text.empty() ? "" : ", ") + std::to_string(lines[i]);
    if (last > i) text += (last == i + 1 ? ", " : "-") + std::to_string(lines[last]);
    i = last + 1;
  }
  return text;
}

void tell_unusable(const FileSet& set, std::size_t listed, double share, Source& source) {
  if (set.unusable.empty()) return;
  const auto* what = set.is_manifest ? "rows" : "files";
  auto faults = set.unusable;
  std::stable_sort(faults.begin(), faults.end(),
                   [](const Unusable& a, const Unusable& b) { return a.line < b.line; });
  std::vector<std::string> texts;
  std::vector<std::size_t> lines;
  for (const auto& u : faults) {
    texts.push_back(u.text);
    lines.push_back(u.line);
  }
  constexpr double rounding = 1e-6;  // 0.29 of 100 are 29
  if (static_cast<double>(faults.size()) > share * static_cast<double>(listed) + rounding) {
    const auto allowed =
        fmt::format("{} of {} {} cannot be used, allowed is a share of {} (data.unusable_share)",
                    faults.size(), listed, what, share);
    throw DataError(
        faults.size() == 1
            ? fmt::format("{}; {}", texts.front(), allowed)
            : fmt::format("{}: {}{}:{}", set.where, allowed,
                          set.is_manifest ? fmt::format(", in the lines {}", lines_text(lines)) : "",
                          some_of(texts)));
  }
  source.note(fmt::format("{} of {} {} cannot be used and were left out (data.unusable_share is {}){}",
                          faults.size(), listed, what, share,
                          set.is_manifest ? fmt::format(": the lines {}", lines_text(lines)) : ""));
  constexpr std::size_t most = 100;
  for (std::size_t i = 0; i < std::min(most, texts.size()); ++i) source.note("left out: " + texts[i]);
  if (texts.size() > most) source.note(fmt::format("left out: and {} more", texts.size() - most));
}

}  // namespace afu::data
