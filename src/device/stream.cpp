#include "device/stream.hpp"
#include "config/sections/scenario.hpp"

#include <chrono>
#include <stdexcept>

#ifdef AFU_CUDA
#include <c10/core/Device.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>
#endif

namespace afu::device {

/// What ends a LaneStream::Current.
struct CurrentState {
  virtual ~CurrentState() = default;
};

struct LaneStream::Backend {
  virtual ~Backend() = default;
  virtual std::unique_ptr<CurrentState> make_current() = 0;
  virtual void synchronize() = 0;
  virtual void begin() = 0;
  virtual void end() = 0;
  virtual double seconds() = 0;
};

namespace {

class CpuStream final : public LaneStream::Backend {
 public:
  std::unique_ptr<CurrentState> make_current() override { return nullptr; }
  void synchronize() override {}
  void begin() override { begin_ = end_ = Clock::now(); }
  void end() override { end_ = Clock::now(); }
  double seconds() override { return std::chrono::duration<double>(end_ - begin_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point begin_, end_;
};

#ifdef AFU_CUDA
/// An event of the device that is current when it is made.
class CudaEvent {
 public:
  explicit CudaEvent(unsigned flags) { C10_CUDA_CHECK(cudaEventCreateWithFlags(&event_, flags)); }
  ~CudaEvent() { C10_CUDA_CHECK_WARN(cudaEventDestroy(event_)); }
  CudaEvent(const CudaEvent&) = delete;
  CudaEvent& operator=(const CudaEvent&) = delete;

  void record(cudaStream_t stream) { C10_CUDA_CHECK(cudaEventRecord(event_, stream)); }
  void wait() const { C10_CUDA_CHECK(cudaEventSynchronize(event_)); }
  double seconds_since(const CudaEvent& earlier) const {
    float milliseconds = 0;
    C10_CUDA_CHECK(cudaEventElapsedTime(&milliseconds, earlier.event_, event_));
    return milliseconds * 1e-3;
  }

 private:
  cudaEvent_t event_ = nullptr;
};

struct CurrentCuda final : CurrentState {
  explicit CurrentCuda(c10::cuda::CUDAStream stream) : guard(stream) {}
  c10::cuda::CUDAStreamGuard guard;
};

class CudaStream final : public LaneStream::Backend {
 public:
  /// The device must be current.
  explicit CudaStream(c10::DeviceIndex device)
      : stream_(c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device)) {}
  std::unique_ptr<CurrentState> make_current() override { return std::make_unique<CurrentCuda>(stream_); }
  void synchronize() override {
    done_.record(stream_);
    done_.wait();
  }
  void begin() override { begin_.record(stream_); }
  void end() override { end_.record(stream_); }
  double seconds() override {
    end_.wait();
    return end_.seconds_since(begin_);
  }

 private:
  c10::cuda::CUDAStream stream_;
  // Sleeping waits: a lane that spins would take a core from the lanes that still queue work.
  CudaEvent begin_{cudaEventBlockingSync}, end_{cudaEventBlockingSync};
  CudaEvent done_{cudaEventBlockingSync | cudaEventDisableTiming};
};
#endif

std::unique_ptr<LaneStream::Backend> make_backend(const std::string& device) {
  if (device == "cpu") return std::make_unique<CpuStream>();
#ifdef AFU_CUDA
  if (device.compare(0, 5, "cuda:") == 0) {
    const c10::cuda::CUDAGuard guard{c10::Device(device)};
    return std::make_unique<CudaStream>(guard.current_device().index());
  }
#endif
  throw std::runtime_error("no stream for device \"" + device + "\" in this build");
}

}  // namespace

LaneStream::LaneStream(const std::string& device) : backend_(make_backend(device)) {}
LaneStream::~LaneStream() = default;
void LaneStream::synchronize() { backend_->synchronize(); }
void LaneStream::begin() { backend_->begin(); }
void LaneStream::end() { backend_->end(); }
double LaneStream::seconds() { return backend_->seconds(); }

void wait_for_queue([[maybe_unused]] const std::string& device) {
#ifdef AFU_CUDA
  if (device == "cpu") return;
  const c10::cuda::CUDAGuard guard{c10::Device(device)};
  CudaEvent done{cudaEventBlockingSync | cudaEventDisableTiming};
  done.record(c10::cuda::getCurrentCUDAStream());
  done.wait();
#endif
}

LaneStream::Current::Current(LaneStream& stream) : state_(stream.backend_->make_current()) {}
LaneStream::Current::~Current() = default;

}  // namespace afu::device
