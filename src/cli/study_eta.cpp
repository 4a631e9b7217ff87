#include "cli/study_eta.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace afu::cli {

namespace {

struct Measured {
  double seconds = 0, work = 0;
  int cells = 0;
  double mean() const { return seconds / cells; }
  double pace() const { return seconds / std::max(work, 1e-9); }
};

/// Sums what is left under the optimistic or the pessimistic pace.
double sum(const std::map<std::size_t, Measured>& known, double pace, const std::vector<EtaCell>& running,
           const std::vector<EtaCell>& waiting, int runners) {
  double all = 0, longest = 0;
  const auto expected = [&](const EtaCell& c) {
    const auto found = known.find(c.kind);
    return found != known.end() ? found->second.mean() : c.work * pace;
  };
  const auto add = [&](double seconds) {
    all += seconds;
    longest = std::max(longest, seconds);
  };
  for (const auto& c : running)
    add(c.share > 0 ? expected(c) * (1 - std::min(c.share, 1.0)) : std::max(0.0, expected(c) - c.seconds));
  for (const auto& c : waiting) add(expected(c));
  return std::max(all / std::max(1, runners), longest);
}

}  // namespace

std::optional<TimeRange> time_left(const std::vector<EtaCell>& ended, const std::vector<EtaCell>& running,
                                   const std::vector<EtaCell>& waiting, int runners) {
  if (running.empty() && waiting.empty()) return TimeRange{};
  if (ended.empty()) return std::nullopt;
  std::map<std::size_t, Measured> known;
  for (const auto& c : ended) {
    auto& k = known[c.kind];
    k.seconds += c.seconds;
    k.work += c.work;
    ++k.cells;
  }
  double least = known.begin()->second.pace(), most = least;
  for (const auto& [kind, k] : known) {
    least = std::min(least, k.pace());
    most = std::max(most, k.pace());
  }
  return TimeRange{sum(known, least / 2, running, waiting, runners),
                   sum(known, most * 2, running, waiting, runners)};
}

std::string clock_text(double seconds) {
  const auto s = static_cast<std::int64_t>(std::clamp(seconds, 0.0, 3.6e9) + 0.5);
  return s >= 3600 ? fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
                   : fmt::format("{}:{:02}", s / 60, s % 60);
}

std::string eta_text(const std::optional<TimeRange>& left) {
  if (!left) return "ETA unknown yet";
  const auto low = clock_text(left->low), high = clock_text(left->high);
  return left->high > 1.1 * left->low + 1 ? "ETA " + low + " to " + high : "ETA " + high;
}

}  // namespace afu::cli
