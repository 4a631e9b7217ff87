#include "engine/graph/capture.hpp"

namespace afu::engine::graph {
namespace {

class Repetition final : public Recording {
 public:
  explicit Repetition(std::function<void()> work) : work_(std::move(work)) {}
  void replay() override { work_(); }

 private:
  std::function<void()> work_;
};

class Repeater final : public Capturer {
 public:
  std::unique_ptr<Recording> record(const std::function<void()>& work) override {
    work();  // as a GPU's capturer does, so that whoever records must cope with it
    return std::make_unique<Repetition>(work);
  }
};

}  // namespace

std::unique_ptr<Capturer> make_repeater() { return std::make_unique<Repeater>(); }

#ifndef AFU_CUDA
std::string no_recordings_on(const std::string& device) {
  return device == "cpu" ? "the device is cpu" : "this afu is built without CUDA";
}

std::unique_ptr<Capturer> make_capturer(const std::string& device) {
  throw CaptureError(no_recordings_on(device));
}

void release_cached_memory() {}
#endif

}  // namespace afu::engine::graph
