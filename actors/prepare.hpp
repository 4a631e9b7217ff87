#pragma once
/// What a run needs before its first actor: data, initial model, hardware profiles, lanes.
#include <memory>
#include <string>
#include <vector>

#include "actors/context.hpp"
#include "actors/launch.hpp"
#include "device/notes.hpp"

namespace afu::actors {

struct Prepared {
  std::shared_ptr<Context> context;
  std::vector<std::string> devices;
  std::shared_ptr<device::Notes> notes = std::make_shared<device::Notes>();  ///< the lanes add to them
  std::int64_t channels = 1, height = 0, width = 0, classes = 0, depth = 1;
};

/// Throws as run_scenario does.
Prepared prepare(const config::Scenario& scenario, const RunOptions& options);

}  // namespace afu::actors
