#pragma once
/// Erasures that the target computes, as building blocks: each is a method of its own, and of afu_ic where no
/// ledger can be kept (src/methods/afu_ic/README.md, Erasure without a ledger). The result's first output is
/// what is to be merged.
#include "methods/method.hpp"

namespace afu::methods {

/// PGA from the current version, with the settings of [unlearning.pga]. Where the server keeps neither the
/// target's accumulator nor its last update, the reference is the current version.
Erase pga_erasure(const View& view, const Request& request, const config::Values& settings);
/// What else of a scenario [unlearning.pga] cannot work with.
void check_pga_erasure(const config::Scenario& scenario, const config::Complain& complain);

/// FedQUIT from the current version, with the settings of [unlearning.fedquit].
Erase fedquit_erasure(const View& view, const Request& request, const config::Values& settings);

}  // namespace afu::methods
