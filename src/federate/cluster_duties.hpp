#pragma once
/// What the server does where clients train in clusters: forming them, publishing the best one's model, and
/// taking one back. While a cluster trains again all others go on, and their updates are merged as ever: the
/// federation counts as halted only where nobody is in another cluster. The cost is the cluster's: what its
/// members were working on and its buffer hold (lost updates), and what they compute until it has caught up
/// (client passes; of requests that share a cluster the first one's).
#include <optional>
#include <vector>

#include "engine/combine_job.hpp"
#include "federate/effects.hpp"
#include "federate/parts.hpp"

namespace afu::federate {

/// Where there is nothing else to do: clusters are formed once all have trained a first time, and another
/// cluster's model is published once it has turned out to be better. True where something was done. Without
/// clusters there is nothing.
bool tend_clusters(Parts& p, Effects& fx);
/// Ends the first round; `cosines`: the result of its question, empty in timing-only runs.
void form_clusters(Parts& p, const std::vector<double>& cosines, Effects& fx);
/// Has the calibrator measure the clusters' new models, where the best one's is published: after every
/// aggregation, as in the authors' code. The server's testing, not a request's: no request is charged for it.
void judge_clusters(Parts& p, Effects& fx);

/// The target's cluster is to go back, once that can be merged; where there are no clusters yet, nothing of
/// the target is in any model.
void ask_roll_back(Parts& p, ServedRequest& r);
/// Makes the version to publish. A target that never took part is left out of the published mean's weights,
/// which is all there is to do.
engine::CombineJob roll_back_job(Parts& p, const RollBackMerge& m);
void roll_back(Parts& p, const RollBackMerge& m, const std::vector<ParametersPtr>& outputs, Effects& fx);

}  // namespace afu::federate
