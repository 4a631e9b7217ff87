#pragma once
/// The gate for retained updates (src/calibrate/README.md, Gate): kernel "gate".
#include <functional>

#include "engine/kernel_job.hpp"
#include "engine/workspace.hpp"
#include "job/job.hpp"

namespace afu::calibrate {

/// The first of 1, 1/2 and 1/4 whose penalty is `limit` at most, else 1/8: accepted fully, or scaled by 1/2
/// up to three times. A penalty that is no number is above any limit.
double gate_scale(const std::function<double(double scale)>& penalty, double limit);

/// How much of a merge may stay: gate_scale of D(w + s (w' - w)) with the limit D(w) + epsilon, D being the
/// penalty of the invariance, without lambda, on a probe. No backward pass.
/// inputs   {w: before the merge, w': after it}
/// samples  the probe: one set an environment, the same for all merges, as is the key
/// numbers  the adversarial family's trigger
/// settings gate_epsilon, and calibration_values()
/// figures  scale; penalty_before: D(w); penalty_after: D(w')
job::JobResult gate(engine::Workspace& workspace, const job::KernelJob& job);

}  // namespace afu::calibrate
