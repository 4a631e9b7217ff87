#pragma once
/// The line that shows on a terminal how far a run has come.
#include <chrono>
#include <cstdint>
#include <string>

namespace afu::report {

/// Where the run is to stop; 0: no such limit. The nearer one counts.
struct Goal {
  std::uint64_t updates = 0;
  double seconds = 0;  ///< on the run's clock
};

/// "120 / 480 updates, simulated 35.2 s, 41.0 updates/s, ETA 0:09". `elapsed` are the real seconds so far.
/// The rate and the ETA stand there once they can be known: the ETA takes the run's average pace, and needs a
/// goal.
std::string progress_text(const Goal& goal, std::uint64_t updates, double simulated, double elapsed);

/// One line, rewritten in place at most ten times a second, and only where `descriptor` is a terminal:
/// otherwise (and with `quiet`) nothing is ever written. To be used from one thread.
class ProgressLine {
 public:
  explicit ProgressLine(Goal goal, bool quiet = false, int descriptor = 2);
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void update(std::uint64_t updates, double simulated_seconds);
  /// Takes the line off the terminal: at the end, or before other text is written there.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  void write(const std::string& text) const;

  Goal goal_;
  int descriptor_;
  bool shown_, drawn_ = false;
  Clock::time_point begin_, next_;
};

}  // namespace afu::report
