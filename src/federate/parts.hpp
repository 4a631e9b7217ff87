#pragma once
/// What the server is made of. Each part owns its state and knows nothing of the others beyond what its
/// constructor is given; how messages move through them is told in updates.hpp, merging.hpp, serving.hpp,
/// steps.hpp, cluster_duties.hpp and ending.hpp, and in which order in coordinator.cpp.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "federate/audit.hpp"
#include "federate/auxiliary_heads.hpp"
#include "federate/clusters.hpp"
#include "federate/effects.hpp"
#include "federate/ewc.hpp"
#include "federate/gates.hpp"
#include "federate/guards.hpp"
#include "federate/late_updates.hpp"
#include "federate/measurements.hpp"
#include "federate/memory.hpp"
#include "federate/merged_updates.hpp"
#include "federate/merges.hpp"
#include "federate/one_model.hpp"
#include "federate/progress.hpp"
#include "federate/requests.hpp"
#include "federate/roster.hpp"
#include "federate/setup.hpp"
#include "federate/step_sizes.hpp"
#include "federate/task_extras.hpp"
#include "federate/tasks.hpp"
#include "methods/method.hpp"

namespace afu::federate {

/// Who trains.
struct Trainers {
  Roster roster;
  Tasks tasks;
  TaskExtras extras;
  StepSizes step_sizes;
};

/// What is merged, into which model.
struct Merging {
  std::unique_ptr<OneModel> one;       ///< null: there are clusters
  std::unique_ptr<Clusters> clusters;  ///< null: there are none
  Memory memory;
  MergeQueue queue;
  LateUpdates late;
  MergedUpdates updates{};  ///< of runs with requests

  Lineage& lineage() const { return one ? static_cast<Lineage&>(*one) : *clusters; }
};

/// Each is null, or none, until somebody asks for it.
struct Observers {
  std::unique_ptr<Guards> guards;         ///< since the first GuardErasure
  std::unique_ptr<Gates> gates;           ///< since the first GateUpdates
  std::unique_ptr<Ewc> ewc;               ///< where training.ewc_strength is above 0
  std::unique_ptr<AuxiliaryHeads> heads;  ///< where the method trains them, and anything is trained
  std::optional<AuditedUpdates> audited;  ///< where output.audit_updates names any
};

/// What is told at the end.
struct Account {
  record::UnusedWork unused{};
  record::Shortened shortened{};
  std::uint64_t samples_trained = 0, calibrations = 0;
  std::uint64_t most_held = 0;                    ///< bytes held for the method
  std::vector<figures::AcceptedUpdate> accepted;  ///< Outcome::accepted
  std::vector<std::string> warnings;
  std::optional<record::Divergence> divergence;
  std::optional<record::Divergence> dropped;  ///< the first that was, in place of ending the run
  std::uint64_t dropped_in_a_row = 0;         ///< updates since the last that was accepted
  bool stopped = false;                       ///< nothing more is handed out: the run ends

  /// Once, however often it is said.
  void warn(std::string text);
};

struct Parts {
  explicit Parts(Setup of);
  Parts(const Parts&) = delete;  // they refer to each other
  Parts& operator=(const Parts&) = delete;

  const config::Scenario& scenario() const { return *setup.scenario; }
  Lineage& lineage() const { return merging.lineage(); }
  Course course() const { return {at.version, at.updates, trainers.tasks.rounds()}; }
  std::int64_t classes() const;
  void decide(record::Decision::Kind kind, std::uint32_t client, std::uint64_t staleness, double weight,
              Effects& fx) const {
    fx.decisions.push_back(at.decision(kind, client, staleness, weight));
  }
  /// Has the version that stands now measured, where that tells anything new.
  void measure(Effects& fx, std::optional<std::uint32_t> request = {});

  const Setup setup;
  const methods::Method& method;
  const methods::Needs needs;
  Progress at;
  Trainers trainers;
  Merging merging;
  Requests requests;
  Observers observers;
  Measurements measurements;
  Account account;
};

}  // namespace afu::federate
