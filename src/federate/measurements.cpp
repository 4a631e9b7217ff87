#include "federate/measurements.hpp"

#include <utility>

namespace afu::federate {

Evaluation evaluation_of(const Progress& at, const std::string& phase) {
  Evaluation e;
  e.row.version = at.version;
  e.row.epoch = at.epoch;
  e.row.updates = at.updates;
  e.row.time = at.now;
  e.row.phase = phase;
  e.model = at.model;
  return e;
}

bool Measurements::due(const Progress& at) const {
  const auto every = static_cast<std::uint64_t>(settings_.every_updates);
  return (every > 0 && at.updates / every != last_updates_ / every) || at.version <= dense_until_;
}

void Measurements::watch_closely(const Progress& at) {
  dense_until_ = at.version + static_cast<std::uint64_t>(settings_.dense_updates);
}

std::optional<Evaluation> Measurements::measure(const Progress& at, const std::string& phase,
                                                std::optional<std::uint32_t> request) {
  last_updates_ = at.updates;
  if (at.timing()) return std::nullopt;
  auto e = evaluation_of(at, phase);
  e.request = request;
  e.before_erasure = request && !std::exchange(found_, true);
  if (at.version == last_version_ && !request && phase == "training") return std::nullopt;
  last_version_ = at.version;
  return e;
}

}  // namespace afu::federate
