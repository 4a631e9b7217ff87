#pragma once
/// What the lanes compute for the attacks.
#include "attack/answers.hpp"
#include "attack/plan.hpp"
#include "engine/kernel_job.hpp"
#include "engine/workspace.hpp"
#include "job/job.hpp"

namespace afu::attack {

/// The job that attacks `model`; `references`: what `reference_model` answered, one list a model; `before`:
/// the version that the first request found, null where no relearn is asked for.
job::KernelJob attack_job(const Plan& plan, const model::ParametersPtr& model,
                          const std::vector<std::vector<double>>& references,
                          const model::ParametersPtr& before);
/// The job that trains reference model `index` of the plan.
job::KernelJob reference_job(const Plan& plan, std::uint64_t index);

/// All attacks whose settings are true. inputs: the model, the one before (or none). samples: by Set.
/// numbers: the backdoor's label, the number of reference models, then the probabilities they give the true
/// classes of forget, holdout and known_out, model by model. Figures: "loss.auc", ... A figure that does not
/// apply is absent.
job::JobResult attack(engine::Workspace& workspace, const job::KernelJob& job);

/// Trains a network from fresh weights on samples[0] and gives the probabilities of the true classes of
/// samples[1], [2] and [3], one after the other, as `numbers`. The model itself is not kept.
job::JobResult reference_model(engine::Workspace& workspace, const job::KernelJob& job);

/// The replica's answers to `rows`, as it is.
Answers answers_of(engine::Workspace& workspace, const data::IndicesPtr& rows, std::int64_t batch_size);

}  // namespace afu::attack
