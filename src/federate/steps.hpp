#pragma once
/// What the server does with each step of an unlearning method.
#include "federate/effects.hpp"
#include "federate/parts.hpp"
#include "job/job.hpp"
#include "methods/method.hpp"

namespace afu::federate {

/// Carries out a step of the request's procedure. Where the next one has to wait, the request's stage says
/// for what; else it stays stage::Stepping.
void carry_out(Parts& p, ServedRequest& r, methods::Step& step, Effects& fx);

/// The running statistics that stage::TakingStatistics waited for are there (BatchNorm; `result` is null in
/// timing-only runs): its step goes on with them. They hold what the target's images were like, and no
/// erasure of weights takes that out; so the calibrator takes them anew, on the calibration images of those
/// who do not ask, for the very model that an erasure publishes. True where the next step is due.
bool publish_with(Parts& p, ServedRequest& r, const job::JobResult* result, Effects& fx);

}  // namespace afu::federate
