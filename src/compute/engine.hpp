#pragma once
/// One lane's means: device, stream, model replica, resident data. The torch-free face of Workspace and
/// LaneStream.
#include <cstdint>
#include <memory>
#include <string>

#include "compute/job.hpp"
#include "config/scenario.hpp"

namespace afu::compute {

struct ResidentPool;

struct EngineSpec {
  std::string device;  ///< a resolved name
  config::ModelSection model;
  std::int64_t channels = 1, height = 0, width = 0, classes = 0;
  std::shared_ptr<const ResidentPool> pool;
  std::string step = "auto";  ///< compute.step; "fused" is the CPU lanes' alone
};

class Engine {
 public:
  /// To be called in the thread that will use it. Throws std::runtime_error where the device or the model
  /// cannot be had.
  static std::unique_ptr<Engine> make(const EngineSpec& spec);
  virtual ~Engine() = default;
  /// Never throws; errors come back in the result. The outputs are complete when it returns.
  virtual JobResult run(const Job& job) = 0;
};

}  // namespace afu::compute
