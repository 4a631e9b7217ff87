#pragma once
/// Requests, and the work that their procedures have asked for.
#include "federate/effects.hpp"
#include "federate/messages.hpp"
#include "federate/parts.hpp"
#include "job/job.hpp"
#include "methods/method.hpp"

namespace afu::federate {

/// Each returns whether anything came of the message; false too where the run ends with it.
bool take(Parts& p, const EraseRequest& m, Effects& fx);
bool take(Parts& p, const CollectResult& m, Effects& fx);
bool take(Parts& p, const EraseResult& m, Effects& fx);
bool take(Parts& p, const CalibrateResult& m, Effects& fx);

/// What the request's procedure may look at now. It refers to `p` and `r`.
methods::View view_of(const Parts& p, const ServedRequest& r);

/// Carries out the procedure's steps until one has to wait. `result`: of the work that it waited for; may be
/// null.
void advance(Parts& p, ServedRequest& r, const job::JobResult* result, Effects& fx);
/// Advances the first request whose wait is over; false where none's is.
bool advance_any(Parts& p, Effects& fx);

}  // namespace afu::federate
