#pragma once
/// What procedures share.
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/combine_job.hpp"
#include "methods/method.hpp"

namespace afu::methods {

/// Rows of the calibration environments; in timing-only runs as many as the scenario says.
double calibration_samples(const View& view);

/// Their sizes; likewise.
std::vector<std::int64_t> environment_sizes(const View& view);

/// The current version without the target's contributions, as the ledger has them. Where whole models are
/// mixed: (w - A_u) / (1 - m_u). Where differences are added: w - S_u, or, `rescaled`, what the others'
/// contributions would be had they carried all the weight: w_0 + (w - w_0 - S_u) / (1 - share of the target);
/// N / (N - 1) where N clients contribute alike (src/aggregate/README.md, Ledger). w itself where the target
/// never took part.
engine::Combination without_target(const View& view, bool rescaled);

/// Complains about training.optimiser where it is not "sgd"; `why` ends with what the method takes for granted.
void refuse_adam(const config::Scenario& s, const config::Complain& complain, const std::string& why);

/// The first vector a job returned; null in timing-only runs.
inline ParametersPtr first_output(const job::JobResult* r) {
  return r && !r->outputs.empty() ? r->outputs.front() : nullptr;
}

}  // namespace afu::methods
