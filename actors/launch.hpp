#pragma once
/// From a checked scenario to a finished run, without the command line.
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/messages.hpp"
#include "actors/node_options.hpp"
#include "actors/protocol.hpp"
#include "config/scenario_fwd.hpp"
#include "lane/checkpoint.hpp"
#include "lane/job_cache.hpp"
#include "record/records.hpp"

namespace afu::actors {

/// Where a run's files go; empty: not written.
struct Files {
  std::string events, trace, metrics, attacks;
  std::string clients;       ///< only made where evaluation.by_client asks for it
  std::string requests;      ///< only made where there are erasures
  std::string calibrations;  ///< only made once there is one
  std::string audit;         ///< a folder, which exists once `prepared` has been called
};

struct RunResult {
  RunReport report;
  /// A run that went on was interrupted before it was where it had been: it has nothing to show, and nothing was lost. All
  /// else is empty then, but report.interrupted.
  bool on_its_way = false;
  record::Summary summary;
  std::vector<std::string> notes;     ///< how it was computed: engines, lanes refused
  std::vector<std::string> warnings;  ///< what a figure may not mean: clients replaced, jobs lost
  std::int64_t channels = 1, height = 0, width = 0, classes = 0, depth = 1;  ///< of the model's input
};

struct RunOptions {
  /// Results that runs with the same past share (virtual clock only); null: none.
  std::shared_ptr<lane::JobCache> cache;
  /// By which a run goes on when it is stopped; null: it cannot. Of one that goes on, the events (on the virtual clock
  /// the jobs of an audit too) must come again as the files hold them, else the run fails; all other logs are written
  /// anew. On the wall clock events behind the checkpoint are cut off.
  std::shared_ptr<lane::Checkpoint> checkpoint;
  Files files;
  NodeOptions nodes;  ///< whose lanes compute beside the run's own
  /// All input was found usable, the data are loaded and the lanes fit; no actor lives yet. What it throws
  /// ends the run.
  std::function<void()> prepared;
  const std::atomic<bool>* interrupt = nullptr;  ///< set: end in order, measure the last version
  const std::atomic<bool>* hurry = nullptr;      ///< set, after `interrupt`: without measuring
  /// While images are decoded: of how many so many are. From one thread at a time.
  std::function<void(std::int64_t done, std::int64_t all)> loading;
  /// In the calling thread: at each update, and five times a second while there is none.
  std::function<void(const Progress&)> progress;
  std::function<void(const federation_actor&, caf::actor_system&)> on_start;  ///< for tests
};

/// Loads the data, opens the lanes, runs the federation to its end. Throws data::DataError for data that
/// cannot be used, std::runtime_error for devices that cannot be had or lanes that do not fit. A run that
/// fails later returns with report.failure set and everything that was recorded.
RunResult run_scenario(const config::Scenario& scenario, const RunOptions& options);

}  // namespace afu::actors
