#pragma once
/// The jobs of AFU-IC that are neither a calibration nor another method's.
#include <cstdint>
#include <vector>

#include "methods/method.hpp"

namespace afu::methods {

/// What a ledger's erasure takes out, as it is now.
std::vector<aggregate::TakenOut> taken_out(const View& view);
/// The one that `erasure` names, in the given round of erasure_rounds; the ledger's entry, once.
Erase next_erasure(const View& view, const Request& request, std::int64_t round);
/// The erasure "uce" at the target (README.md, Erasure without a ledger), by [unlearning.afu_ic]'s uce_*.
Erase uce_erasure(const View& view, const Request& request);
/// The ledger's entry with a gain a layer, by gain, gain_spread and gain_steps.
Erase layer_gains_erasure(const View& view);
/// r + 8 gradients of the target, on batches of 32, for a guard of rank r (src/calibrate/README.md, Guard).
Erase erasure_sketch(const View& view, const Request& request);
/// The guard's basis, from the erasure and what `erasure_sketch` returned.
Calibrate guard_subspace(const View& view, const ParametersPtr& erasure, const job::JobResult* sketch);
/// Held-out matching at the target, from the current version, by match_steps and match_lr.
Erase matching_at_target(const View& view, const Request& request);

}  // namespace afu::methods
