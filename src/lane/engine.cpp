#include "lane/engine.hpp"

#include <functional>
#include <utility>
#include <variant>

#include "device/devices.hpp"
#include "device/notes.hpp"
#include "device/stream.hpp"
#include "engine/execute.hpp"
#include "engine/graph/step.hpp"
#include "engine/workspace.hpp"
#include "lane/admission.hpp"
#include "lane/execute_together.hpp"
#include "train/batched_training.hpp"
#include "train/train_job.hpp"

namespace afu::lane {
namespace {

class LaneEngine : public Engine {
 public:
  explicit LaneEngine(const EngineSpec& spec)
      : device_(spec.device),
        stream_(spec.device),
        admission_(spec.admission ? spec.admission : std::make_shared<Admission>(1)),
        notes_(spec.notes ? spec.notes : std::make_shared<device::Notes>()) {
    device::prepare_lane_thread();
    device::LaneStream::Current current(stream_);
    const model::InputShape shape{spec.channels, spec.height, spec.width, spec.classes, spec.depth};
    workspace_ = std::make_unique<engine::Workspace>(model::make_model(spec.model, shape), spec.pool,
                                                     torch::Device(spec.device), spec.step, spec.precision);
  }

  job::JobResult run(const job::Job& job) override {
    device::LaneStream::Current current(stream_);
    auto result = guarded([&] { return engine::execute(*workspace_, job); });
    if (const auto* graph = workspace_->graph(); graph && !graph->failure().empty())
      notes_->add(device_ +
                  ": training steps are called one by one, since recording them failed: " + graph->failure());
    return result;
  }

  std::vector<job::JobResult> run_together(
      const std::vector<std::shared_ptr<const job::Job>>& jobs) override {
    device::LaneStream::Current current(stream_);
    std::vector<const train::TrainJob*> training;
    for (const auto& job : jobs) training.push_back(job->as<train::TrainJob>());
    std::vector<job::JobResult> results;
    guarded([&] {
      results = execute_together(*workspace_, batched_, training);
      job::JobResult whole;  // what the admission looks at
      whole.error = results.front().error;
      whole.out_of_memory = results.front().out_of_memory;
      return whole;
    });
    return results;
  }

 private:
  job::JobResult guarded(const std::function<job::JobResult()>& run) {
    return run_through(*admission_, *notes_, device_, run, [&] {
      batched_.release_memory();
      workspace_->release_memory();
    });
  }

  std::string device_;
  device::LaneStream stream_;
  std::shared_ptr<Admission> admission_;
  std::shared_ptr<device::Notes> notes_;
  std::unique_ptr<engine::Workspace> workspace_;
  train::BatchedTraining batched_;
};

}  // namespace

std::unique_ptr<Engine> Engine::make(const EngineSpec& spec) {
  return spec.remote ? spec.remote() : std::make_unique<LaneEngine>(spec);
}

}  // namespace afu::lane
