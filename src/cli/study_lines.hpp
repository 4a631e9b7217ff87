#pragma once
/// What a study tells while it runs.
#include <fmt/format.h>

#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "cli/study_runner.hpp"
#include "cli/terminal.hpp"

namespace afu::cli {

/// Lines of progress: after each cell, and every ten seconds while none ends.
class Lines {
 public:
  explicit Lines(bool quiet) : quiet_(quiet) {}

  /// It outlives the study.
  void listen_to(StudyOptions& options) {
    options.ended = [this](const auto& progress, const auto& cell, const auto& failure, const auto& warnings,
                           const auto& notes) { ended(progress, cell, failure, warnings, notes); };
    options.waiting = [this](const auto& progress) { waiting(progress); };
  }

 private:
  void ended(const StudyProgress& p, const std::string& cell, const std::string& failure,
             const std::vector<std::string>& warnings, const std::vector<std::string>& notes) {
    if (!failure.empty()) log(Level::error, "{} failed: {}", cell, failure);
    for (const auto& warning : warnings)
      if (told_.insert(warning).second) log(Level::warning, "{} warns: {}", cell, warning);
    if (quiet_) return;
    for (const auto& note : notes)
      if (told_.insert(note).second) log(Level::info, "{} notes: {}", cell, note);
    line(p, cell);
  }
  void waiting(const StudyProgress& p) {
    if (!quiet_ && Clock::now() - last_ >= std::chrono::seconds(10))
      line(p, fmt::format("{} running", p.running));
  }

  using Clock = std::chrono::steady_clock;
  void line(const StudyProgress& p, const std::string& what) {
    last_ = Clock::now();
    log(Level::info, "{} / {} cells{}, {} so far, {}: {}", p.done + p.failed, p.cells,
        p.failed > 0 ? fmt::format(" ({} failed)", p.failed) : "", clock_text(p.elapsed), eta_text(p.left),
        what);
  }

  bool quiet_;
  Clock::time_point last_ = Clock::now();
  std::set<std::string> told_;
};

}  // namespace afu::cli
