#pragma once
/// What all actors of a run share: immutable, or safe from several threads.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/remains.hpp"
#include "attack/plan.hpp"
#include "config/scenario_fwd.hpp"
#include "data/dataset.hpp"
#include "federate/coordinator.hpp"
#include "lane/checkpoint.hpp"
#include "lane/engine.hpp"
#include "lane/job_cache.hpp"
#include "metrics/evaluate_job.hpp"
#include "sim/availability.hpp"
#include "sim/free_lanes.hpp"
#include "sim/profile.hpp"

namespace afu::actors {

class Nodes;

struct Context {
  std::shared_ptr<const config::Scenario> scenario;
  federate::Setup setup;
  std::shared_ptr<const metrics::EvaluationSets> evaluation;  ///< null in timing-only runs
  attack::PlanPtr attacks;                                    ///< null: nothing is attacked
  std::shared_ptr<const sim::Profiles> profiles;
  /// Clients ask only for themselves, which touches only their own cursor.
  std::shared_ptr<sim::Availability> availability;
  std::vector<lane::EngineSpec> lanes;  ///< the last one is the service lane; empty: timing only
  std::vector<sim::LaneGroup>
      lane_groups;               ///< of all but the service lane; empty: they are one, each computes at once
  std::shared_ptr<Nodes> nodes;  ///< whose lanes stand among `lanes`, before the service lane; null: none
  std::size_t lookahead = 8;
  /// Virtual clock: results that runs with the same past share; null: every run computes its own.
  std::shared_ptr<lane::JobCache> cache;
  std::string surroundings;  ///< lane::surroundings_key, where there is a cache
  /// By which the run goes on when it is stopped; null: it does not.
  std::shared_ptr<lane::Checkpoint> checkpoint;
  /// Until the first request for an erasure: what methods still have in common.
  std::shared_ptr<std::atomic<bool>> past = std::make_shared<std::atomic<bool>>(true);
  std::shared_ptr<Remains> remains = std::make_shared<Remains>();
  std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();  ///< set by the launcher
  /// Empty: not written.
  std::string events_file, trace_file, metrics_file, requests_file, clients_file, attacks_file,
      calibrations_file;
  std::string audit_folder;  ///< likewise

  /// Whether a job submitted now may be one that other runs submit too.
  bool shares() const { return cache && past->load(std::memory_order_relaxed); }
  bool timing() const { return !setup.initial; }
  bool wall() const;
  /// Real seconds since the run began.
  double elapsed() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  }
};

/// Sample gradients of a training job on so many samples.
std::int64_t passes_of_job(const config::TrainingSection& t, std::int64_t samples);

using ContextPtr = std::shared_ptr<const Context>;

}  // namespace afu::actors
