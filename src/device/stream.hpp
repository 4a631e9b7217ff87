#pragma once
/// A lane's order of execution on its device: a CUDA stream, or on the CPU, where everything is done when the
/// call returns, a stand-in with the same interface. No torch in this header.
#include <memory>
#include <string>

namespace afu::device {

struct CurrentState;

/// One thread at a time. On a GPU a stream of LibTorch's pool (32 a device: more lanes than that share
/// streams).
class LaneStream {
 public:
  explicit LaneStream(const std::string& device);  ///< "cpu", "cuda:1": a resolved name (device/devices.hpp)
  ~LaneStream();
  LaneStream(const LaneStream&) = delete;
  LaneStream& operator=(const LaneStream&) = delete;

  struct Backend;  ///< one for the CPU, one for CUDA (stream.cpp)

  /// Makes the stream and its device the calling thread's current ones for as long as it lives.
  class Current {
   public:
    explicit Current(LaneStream& stream);
    ~Current();
    Current(const Current&) = delete;
    Current& operator=(const Current&) = delete;

   private:
    std::unique_ptr<CurrentState> state_;
  };

  /// Waits until all that was queued on this stream so far is done, by one event; the thread sleeps
  /// meanwhile.
  void synchronize();

  /// A timed section: what is queued between begin() and end(). They do not wait. Sections do not nest.
  void begin();
  void end();
  /// Waits for the end of the last section; its duration on the device in seconds.
  double seconds();

 private:
  std::unique_ptr<Backend> backend_;
};

/// Waits until all that was queued so far on the calling thread's current stream of `device` is done, by one
/// event; the thread sleeps meanwhile. On the CPU nothing is ever queued.
void wait_for_queue(const std::string& device);

}  // namespace afu::device
