#pragma once
/// Which versions are measured: every evaluation.every_updates updates, those around an erasure, and what a
/// request finds.
#include <cstdint>
#include <optional>
#include <string>

#include "config/sections/evaluation.hpp"
#include "federate/effects.hpp"
#include "federate/progress.hpp"

namespace afu::federate {

/// The published version, to be measured in this phase of the run.
Evaluation evaluation_of(const Progress& at, const std::string& phase);

class Measurements {
 public:
  explicit Measurements(const config::EvaluationSection& settings) : settings_(settings) {}

  /// Whether the version just published is to be measured.
  bool due(const Progress& at) const;
  /// It erases something: so are those of the next evaluation.dense_updates.
  void watch_closely(const Progress& at);
  /// A new lineage, in which updates are counted anew.
  void begin_again(const Progress& at) { last_updates_ = at.updates; }
  /// The version that stands now, found by `request` where that is given; none in timing-only runs, and of a
  /// version of which nothing new would be told.
  std::optional<Evaluation> measure(const Progress& at, const std::string& phase,
                                    std::optional<std::uint32_t> request = {});

 private:
  config::EvaluationSection settings_;
  std::uint64_t dense_until_ = 0, last_updates_ = 0, last_version_ = ~0ull;
  bool found_ = false;  ///< a request has found a version
};

}  // namespace afu::federate
