#pragma once
/// What a message brings about at the server, and what is known when the run ends: plain values.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/combine_job.hpp"
#include "federate/messages.hpp"
#include "figures/erasure_figures.hpp"
#include "record/records.hpp"

namespace afu::federate {

/// A version to be measured.
struct Evaluation {
  record::MetricsRow row;  ///< version, epoch, updates, time and phase; the figures are still absent
  ParametersPtr model;
  bool before_erasure = false;             ///< the version that the first request found
  std::optional<std::uint32_t> request{};  ///< the request that found this version; none: it was due
};

/// What a client sent, for audit/updates.npz.
struct AuditedUpdate {
  std::string name;  ///< "client_3_job_12"
  ParametersPtr delta;
};

struct Effects {
  std::vector<Post> posts;
  std::vector<record::Decision> decisions;
  std::vector<Evaluation> evaluations;
  std::vector<record::CalibrationRecord> calibrations;
  std::vector<AuditedUpdate> audited;  ///< those that the scenario's output.audit_updates names
  /// To be computed; then call `merged` and nothing else before. A merge may take two of them.
  std::optional<engine::CombineJob> merge;
  bool stop = false;
  std::string failure;  ///< not empty: the run cannot go on, and why
};

/// What is known at the end.
struct Outcome {
  struct Erased {
    record::ErasureRecord record;
    std::vector<figures::TimeSpan> halted;
  };
  std::vector<Erased> erasures;
  std::vector<figures::AcceptedUpdate> accepted;  ///< of clients that never ask; empty without erasures
  ParametersPtr model;
  std::uint64_t version = 0, epoch = 0, updates = 0, samples_trained = 0, rounds = 0;
  std::uint64_t history_bytes = 0;  ///< most that was held for the unlearning method
  bool stopped = false;             ///< a [stop] condition was met
  std::optional<record::Divergence> divergence;
  record::UnusedWork unused;
  record::Shortened shortened;
  std::vector<std::string> warnings;  ///< what an erasure or a regulariser could not do, and why
  /// Clients with a task out, the first few, and since when.
  struct Busy {
    std::uint32_t client = 0;
    std::uint64_t job = 0;
    double since = 0;
  };
  std::vector<Busy> busy;
};

}  // namespace afu::federate
