#pragma once
/// What becomes of what is not finite: training.non_finite. It is in no version either way.
#include <cstdint>

#include "federate/effects.hpp"
#include "federate/parts.hpp"
#include "record/records.hpp"

namespace afu::federate {

/// By "drop": counts it and logs it, and the run goes on: true. By "fail", or where too many updates in a row were not
/// finite, which a run of training that has diverged would go on with for ever: the run ends with it. `staleness`: of an
/// update; else 0.
bool drop(Parts& p, record::Divergence d, std::uint64_t staleness, Effects& fx);

/// So many in a row are dropped; the next ends the run.
std::uint64_t most_dropped(const Parts& p);

/// What is told of it at the end; empty: nothing was dropped.
std::string dropped_text(const Account& account);

}  // namespace afu::federate
