#include "methods/shared.hpp"

#include <numeric>
#include <utility>

#include "config/scenario.hpp"
#include "engine/combine_job.hpp"

namespace afu::methods {

void refuse_adam(const config::Scenario& s, const config::Complain& complain, const std::string& why) {
  const auto kind = s.training.optimiser;
  if (kind != config::LocalOptimiser::sgd)
    complain("training.optimiser", config::quoted(kind) + ": " + why + ", allowed is \"sgd\"");
}

std::vector<std::int64_t> environment_sizes(const View& view) {
  if (view.environments.empty())
    return std::vector<std::int64_t>(static_cast<std::size_t>(view.clients - 1),
                                     view.scenario->calibration.samples_per_environment);
  std::vector<std::int64_t> sizes;
  for (const auto& e : view.environments) sizes.push_back(static_cast<std::int64_t>(e->size()));
  return sizes;
}

double calibration_samples(const View& view) {
  const auto sizes = environment_sizes(view);
  return static_cast<double>(std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0}));
}

engine::Combination without_target(const View& view, bool rescaled) {
  const auto* t = view.target;
  if (!t || t->contributions == 0) return {view.model, 1.0, {}, {}};
  if (t->accumulator) {
    const double keep = 1.0 / (1.0 - t->mass);
    return {view.model, keep, {{-keep, t->accumulator, nullptr}}, {}};
  }
  if (!rescaled || t->share() >= 1) return {view.model, 1.0, {{-1.0, t->influence, nullptr}}, {}};
  const double keep = 1.0 / (1.0 - t->share());
  return {view.model, keep, {{-keep, t->influence, nullptr}, {1.0 - keep, view.initial, nullptr}}, {}};
}

}  // namespace afu::methods
