#pragma once
/// How a run ends: what each request came to, who is still waited for, and the end that comes first, of a
/// result that is not finite.
#include "federate/effects.hpp"
#include "federate/merges.hpp"
#include "federate/parts.hpp"
#include "record/records.hpp"

namespace afu::federate {

/// The run ends here; what is not finite is in no version.
void diverge(Parts& p, record::Divergence d, Effects& fx);
/// Of this merge.
record::Divergence divergence_of(const Parts& p, const Merge& merge);

Outcome outcome_of(const Parts& p);

}  // namespace afu::federate
