#pragma once
/// Merges: of updates, erasures and calibrations, one at a time, each computed elsewhere.
#include <cstdint>

#include "engine/combine_job.hpp"
#include "federate/effects.hpp"
#include "federate/parts.hpp"
#include "job/job.hpp"

namespace afu::federate {

/// The first merge in the queue begins: `fx` asks for its job, or it is done already (timing-only runs).
void begin_merge(Parts& p, Effects& fx);
/// The result of the job that was asked for. False where another one is asked for, or the run ends with it.
bool take_merge(Parts& p, const job::JobResult& result, Effects& fx);

/// The version that stands now is the first one without what `r` erases: whatever is based on earlier ones is
/// late, and this version and the next ones are looked at closely.
void erased(Parts& p, ServedRequest& r);
/// `model`, that of the step with its running statistics, takes the place of the published one, for `r`; null in timing-only
/// runs.
void replace(Parts& p, ServedRequest& r, const methods::Replace& step, const ParametersPtr& model,
             Effects& fx);
/// Counts what `r` loses by a decision that puts another model in the published one's place, the last one in `fx`: of the
/// updates of those whom `among` names all that were merged after the version `holds`.
void count_lost(Parts& p, ServedRequest& r, std::uint64_t holds, const MergedUpdates::Who& among,
                Effects& fx);
/// Likewise of everybody's.
void count_lost(Parts& p, ServedRequest& r, std::uint64_t holds, Effects& fx);
/// Has the version just published measured, where it is due.
void published(Parts& p, Effects& fx);
/// Notes what is held for the method now; ends the run where that is more than it may be.
void note_held(Parts& p, Effects& fx);
/// The rest of the target's samples takes part again, unless it has asked for more meanwhile.
void readmit(Parts& p, const ServedRequest& r);
/// What erasures and calibrations pass; none where there is no guard.
std::vector<engine::GuardPtr> guards(const Parts& p);

}  // namespace afu::federate
