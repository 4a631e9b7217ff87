#pragma once
/// Where the run stands.
#include <cstdint>

#include "model/parameters_fwd.hpp"
#include "record/records.hpp"

namespace afu::federate {

using model::ParametersPtr;

struct Progress {
  double now = 0;
  ParametersPtr model;         ///< the published version; null in timing-only runs
  std::uint64_t version = 0;   ///< its number
  std::uint64_t epoch = 0;     ///< how often something was erased from it
  std::uint64_t updates = 0;   ///< accepted in its lineage
  std::uint64_t accepted = 0;  ///< in the whole run

  bool timing() const { return !model; }
  /// The next version; null keeps the model (timing-only runs).
  void publish(const ParametersPtr& next) {
    if (next) model = next;
    ++version;
  }
  record::Decision decision(record::Decision::Kind kind, std::uint32_t client, std::uint64_t staleness,
                            double weight) const {
    return {now, kind, client, version, epoch, staleness, weight};
  }
};

}  // namespace afu::federate
