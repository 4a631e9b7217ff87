#pragma once
/// Signals that ask the process to end.
#include <atomic>

namespace afu::cli {

/// SIGINT, SIGTERM, SIGHUP (not where it is ignored, as under nohup) and SIGXCPU, from `take` on. The first
/// asks a run to end in order: nothing more is delivered, the last version is measured. The second asks not
/// to measure either. What was recorded is complete in both cases. A third SIGINT ends the process at once.
class Interrupts {
 public:
  /// To be called just before there is something to lose; until then a signal ends the process at once.
  static void take();
  static const std::atomic<bool>& asked();
  static const std::atomic<bool>& hurried();
  /// 128 + the number of the first signal. To be called once `asked`.
  static int status();
};

}  // namespace afu::cli
