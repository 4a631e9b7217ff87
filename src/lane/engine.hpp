#pragma once
/// One lane's means: device, stream, model replica, resident data. The torch-free face of Workspace and
/// LaneStream.
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "config/choices.hpp"
#include "config/sections/model.hpp"
#include "job/job.hpp"

namespace afu::device {
class Notes;
}
namespace afu::engine {
struct ResidentPool;
}

namespace afu::lane {

class Admission;
class Engine;

/// The lane computes on another node, and that is gone: what it was given has no result. Who gave it may have it computed elsewhere.
struct NodeLost : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct EngineSpec {
  std::string device;  ///< a resolved name
  config::ModelSection model;
  std::int64_t channels = 1, height = 0, width = 0, classes = 0, depth = 1;
  std::shared_ptr<const engine::ResidentPool> pool;
  config::StepEngine step = config::StepEngine::auto_;  ///< of [compute]
  config::Precision precision = config::Precision::fp32;
  bool deterministic = true;               ///< likewise; the process's switches are set by whoever runs
  std::int64_t batched_clients = 1;        ///< so many clients' training at most is stepped together
  std::shared_ptr<Admission> admission{};  ///< of the device's lanes; null: nobody else is on it
  std::shared_ptr<device::Notes> notes{};  ///< null: nobody reads them
  std::string bound_to_processor{};  ///< why results may be other bytes on another one; empty: they are not
  /// Of a lane on another node: how to reach it. Empty: the lane computes in this process, on `device`.
  std::function<std::unique_ptr<Engine>()> remote{};
};

class Engine {
 public:
  /// To be called in the thread that will use it. Throws std::runtime_error where the device or the model
  /// cannot be had.
  static std::unique_ptr<Engine> make(const EngineSpec& spec);
  virtual ~Engine() = default;
  /// Throws NodeLost and nothing else; errors come back in the result. The outputs are complete when it returns.
  virtual job::JobResult run(const job::Job& job) = 0;
  /// Training jobs that train::fit_together(), stepped together: their results in their order. What goes
  /// wrong goes wrong for all. Throws as `run` does.
  virtual std::vector<job::JobResult> run_together(
      const std::vector<std::shared_ptr<const job::Job>>& jobs) = 0;
  /// After NodeLost: returns when the node is there again. Throws NodeLost where nobody waits for it any more.
  virtual void await_node() {}
};

}  // namespace afu::lane
