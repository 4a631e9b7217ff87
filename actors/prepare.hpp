#pragma once
/// What a run needs before its first actor: data, initial model, hardware profiles, lanes.
#include <memory>
#include <string>
#include <vector>

#include "actors/context.hpp"
#include "actors/launch.hpp"
#include "device/notes.hpp"
#include "lane/prepare_model.hpp"
#include "wire/session.hpp"

namespace afu::actors {

struct Prepared {
  std::shared_ptr<Context> context;
  std::vector<std::string> devices;
  std::shared_ptr<device::Notes> notes = std::make_shared<device::Notes>();  ///< the lanes add to them
  std::int64_t channels = 1, height = 0, width = 0, classes = 0, depth = 1;
};

/// What the run's lanes will be asked for.
lane::LaneWork lane_work(const config::Scenario& s);

/// What a run and its nodes are held against each other by.
wire::Offer own_offer(const config::Scenario& s, const std::vector<std::string>& devices,
                      const std::vector<lane::EngineSpec>& lanes, const data::Images& pool);

/// Throws as run_scenario does.
Prepared prepare(const config::Scenario& scenario, const RunOptions& options);

}  // namespace afu::actors
