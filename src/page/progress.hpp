#pragma once
/// How far a run has come, told while it goes on.
#include <chrono>
#include <cstdint>
#include <string>

namespace afu::page {

/// Where the run is to stop; 0: no such limit. The nearer one counts.
struct Goal {
  std::uint64_t updates = 0;
  double seconds = 0;  ///< on the run's clock
};

/// Part of the goal that is reached; 0 where there is none.
double part_done(const Goal& goal, std::uint64_t updates, double simulated);

/// Whether a line is due where each is a line of its own. `seconds` since the last one; `done` and `told` are
/// parts of the goal.
bool line_due(double seconds, double done, double told);

/// "120 / 480 updates, simulated 35.2 s, 41.0 updates/s, ETA 0:09". `elapsed` are the real seconds so far.
/// The rate and the ETA stand there once they can be known: the ETA takes the run's average pace, and needs a
/// goal. `waited_for`, where it is not empty, takes the place of the ETA: "; erasure[0] waits for client/3".
std::string progress_text(const Goal& goal, std::uint64_t updates, double simulated, double elapsed,
                          const std::string& waited_for = {});

/// On a terminal one line, rewritten in place at most ten times a second. Elsewhere (a pipe, a file, a
/// terminal that cannot rewrite: TERM=dumb) a line of its own every ten seconds, or once 5 % more are done
/// and two seconds have passed. With `quiet` nothing is ever written. To be used from one thread.
class ProgressLine {
 public:
  explicit ProgressLine(Goal goal, bool quiet = false, int descriptor = 2);
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void update(std::uint64_t updates, double simulated_seconds, const std::string& waited_for = {});
  /// Takes the line off the terminal: at the end, or before other text is written there.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  void write(const std::string& text) const;

  Goal goal_;
  int descriptor_;
  bool shown_, rewrites_, drawn_ = false;
  Clock::time_point begin_, last_;
  double told_ = 0;  ///< part of the goal that the last line told
};

}  // namespace afu::page
