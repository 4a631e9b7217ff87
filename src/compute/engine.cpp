#include "compute/engine.hpp"

#include <utility>

#include "compute/devices.hpp"
#include "compute/kernels.hpp"
#include "compute/stream.hpp"
#include "compute/workspace.hpp"

namespace afu::compute {
namespace {

class LaneEngine : public Engine {
 public:
  explicit LaneEngine(const EngineSpec& spec) : stream_(spec.device) {
    prepare_lane_thread();
    LaneStream::Current current(stream_);
    const model::InputShape shape{spec.channels, spec.height, spec.width, spec.classes};
    workspace_ = std::make_unique<Workspace>(model::make_model(spec.model, shape), spec.pool,
                                             torch::Device(spec.device), spec.step);
  }

  JobResult run(const Job& job) override {
    LaneStream::Current current(stream_);
    return execute(*workspace_, job);
  }

 private:
  LaneStream stream_;
  std::unique_ptr<Workspace> workspace_;
};

}  // namespace

std::unique_ptr<Engine> Engine::make(const EngineSpec& spec) { return std::make_unique<LaneEngine>(spec); }

}  // namespace afu::compute
