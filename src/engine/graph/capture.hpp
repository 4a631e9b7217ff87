#pragma once
/// Work on a device that is recorded once and replayed: a CUDA graph. On the CPU, which has none, a stand-in
/// with the same interface does the work again, so that what is built on it can be tested there. No torch in
/// this header.
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

namespace afu::engine::graph {

/// Why some work could not be recorded.
class CaptureError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// How often a capturer does the work before it records it.
inline constexpr int kWarmUps = 3;

/// Ends in the thread that recorded it.
class Recording {
 public:
  virtual ~Recording() = default;
  /// Queues the work on the calling thread's current stream; does not wait.
  virtual void replay() = 0;
};

/// One a lane, whose recordings share a private pool of memory: they may be replayed in any order, one at a
/// time.
class Capturer {
 public:
  virtual ~Capturer() = default;
  /// Does `work` up to kWarmUps times on the calling thread's current stream, which must not be the device's
  /// default one, and then records it. Work must not wait for the device, and what it reads and writes must
  /// stay where it is as long as the recording lives, tensors it makes and drops itself apart. Recordings of
  /// a process are made one at a time. Throws CaptureError with the reason where the work cannot be recorded
  /// (the stream is usable then), and as `work` does where memory runs out.
  virtual std::unique_ptr<Recording> record(const std::function<void()>& work) = 0;
};

/// Why work on `device` ("cpu", "cuda:1") cannot be recorded in this build; empty: it can.
std::string no_recordings_on(const std::string& device);

/// For a GPU. Throws CaptureError with the reason of no_recordings_on.
std::unique_ptr<Capturer> make_capturer(const std::string& device);

/// The CPU's stand-in.
std::unique_ptr<Capturer> make_repeater();

/// Gives memory that LibTorch keeps for later tensors back to the GPUs; nothing on the CPU. Waits for
/// recordings that are being made.
void release_cached_memory();

}  // namespace afu::engine::graph
