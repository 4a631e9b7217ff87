#include "actors/context.hpp"

#include <algorithm>

#include "config/scenario.hpp"

namespace afu::actors {

bool Context::wall() const { return scenario->scenario.clock == config::Clock::wall; }

std::int64_t passes_of_job(const config::TrainingSection& t, std::int64_t samples) {
  return t.local_steps > 0 ? t.local_steps * std::min(t.batch_size, samples) : samples * t.local_epochs;
}

}  // namespace afu::actors
