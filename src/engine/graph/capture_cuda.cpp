// Compiled in the CUDA flavour only.
#include <ATen/cuda/CUDAGraph.h>
#include <c10/core/AutogradState.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/version.h>

#include <mutex>

#include "engine/graph/capture.hpp"

namespace afu::engine::graph {

void* current_stream();  // for pieces_cuda.cu
void* current_stream() { return c10::cuda::getCurrentCUDAStream().stream(); }

#if TORCH_VERSION_MAJOR * 100 + TORCH_VERSION_MINOR < 201

// Without a capture mode of its own thread, a capture is spoilt by whatever another lane allocates meanwhile.
std::string no_recordings_on(const std::string& device) {
  return device == "cpu" ? "the device is cpu" : "CUDA graphs need LibTorch 2.1 or later";
}
std::unique_ptr<Capturer> make_capturer(const std::string& device) {
  throw CaptureError(no_recordings_on(device));
}
void release_cached_memory() { c10::cuda::CUDACachingAllocator::emptyCache(); }

#else

namespace {

/// Held while a graph is captured or dropped (both write to the device's default generator, whose list of
/// graphs has no lock) and while cached memory is given back (which the allocator forbids during a capture).
std::mutex& one_at_a_time() {
  static std::mutex mutex;
  return mutex;
}

/// Backward passes in the thread that calls for them: the capture is that thread's own.
class OwnBackward {
 public:
  OwnBackward() : was_(state().get_multithreading_enabled()) { state().set_multithreading_enabled(false); }
  ~OwnBackward() { state().set_multithreading_enabled(was_); }
  OwnBackward(const OwnBackward&) = delete;
  OwnBackward& operator=(const OwnBackward&) = delete;

 private:
  static c10::AutogradState& state() { return c10::AutogradState::get_tls_state(); }
  bool was_;
};

class CudaRecording final : public Recording {
 public:
  explicit CudaRecording(std::unique_ptr<at::cuda::CUDAGraph> graph) : graph_(std::move(graph)) {}
  ~CudaRecording() override {
    const std::lock_guard<std::mutex> lock(one_at_a_time());
    graph_.reset();
  }
  void replay() override { graph_->replay(); }

 private:
  std::unique_ptr<at::cuda::CUDAGraph> graph_;
};

class CudaCapturer final : public Capturer {
 public:
  explicit CudaCapturer(const std::string& device)
      : device_(c10::Device(device)), memory_(at::cuda::graph_pool_handle()) {}

  std::unique_ptr<Recording> record(const std::function<void()>& work) override {
    // The libraries choose algorithms and allocate handles and work space when they are first used, which a
    // capture could not hold. PyTorch's own warm-up is three times, too.
    const OwnBackward own_backward;
    const c10::cuda::CUDAGuard guard(device_);
    for (int i = 0; i < kWarmUps; ++i) work();
    C10_CUDA_CHECK(cudaStreamSynchronize(c10::cuda::getCurrentCUDAStream()));

    const std::lock_guard<std::mutex> lock(one_at_a_time());
    auto graph = std::make_unique<at::cuda::CUDAGraph>();
    try {
      graph->capture_begin(memory_, cudaStreamCaptureModeThreadLocal);
    } catch (const c10::Error& e) {
      throw CaptureError(e.what_without_backtrace());
    }
    std::string failure;
    std::exception_ptr out_of_memory;
    try {
      work();
    } catch (const c10::OutOfMemoryError&) {
      out_of_memory = std::current_exception();
    } catch (const c10::Error& e) {
      failure = e.what_without_backtrace();
    } catch (const std::exception& e) {
      failure = e.what();
    }
    try {
      graph->capture_end();
    } catch (const c10::Error& e) {
      if (failure.empty()) failure = e.what_without_backtrace();
      abandon();
    }
    if (out_of_memory) std::rethrow_exception(out_of_memory);
    if (!failure.empty()) {
      graph.reset();
      throw CaptureError(failure);
    }
    return std::make_unique<CudaRecording>(std::move(graph));
  }

 private:
  /// After a capture that could not end: the allocator must not go on giving this stream the pool's memory.
  void abandon() {
    static_cast<void>(cudaGetLastError());
    try {
      c10::cuda::CUDACachingAllocator::endAllocateToPool(device_.index(), memory_);
    } catch (const c10::Error&) {
      // it has ended: capture_end failed later
    }
  }

  c10::Device device_;
  at::cuda::MempoolId_t memory_;
};

}  // namespace

std::string no_recordings_on(const std::string& device) { return device == "cpu" ? "the device is cpu" : ""; }

std::unique_ptr<Capturer> make_capturer(const std::string& device) {
  if (const auto reason = no_recordings_on(device); !reason.empty()) throw CaptureError(reason);
  return std::make_unique<CudaCapturer>(device);
}

void release_cached_memory() {
  const std::lock_guard<std::mutex> lock(one_at_a_time());
  c10::cuda::CUDACachingAllocator::emptyCache();
}

#endif

}  // namespace afu::engine::graph
