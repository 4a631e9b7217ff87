#pragma once
/// Erasures that the target computes, as building blocks: each is a method of its own, and of afu_ic where no
/// ledger can be kept (METHODS 9.1, L1 to L3). The result's first output is what is to be merged.
#include "methods/method.hpp"

namespace afu::methods {

/// PGA from the current version, with the settings of [unlearning.pga] (METHODS 5.5). Where the server keeps
/// neither the target's accumulator nor its last update, the reference is the current version.
Erase pga_erasure(const View& view, const Request& request, const config::Values& settings);

/// FedQUIT from the current version, with the settings of [unlearning.fedquit] (METHODS 5.10).
Erase fedquit_erasure(const View& view, const Request& request, const config::Values& settings);

}  // namespace afu::methods
