#pragma once
/// The adversarial family A2 (src/calibrate/README.md, Perturbation): kernel "adversarial_trigger".
#include "engine/kernel_job.hpp"
#include "engine/workspace.hpp"
#include "job/job.hpp"

namespace afu::calibrate {

/// For each label t the universal mask m and pattern that minimise
///   CE(f((1 - m) x + m pattern), t) + sparsity * |m|_1
/// over the samples of other labels, by Adam on the logit of m and the artanh of the pattern. Of those that
/// turn half of the samples or more into t, the one with the smallest mask; where there is none, the one that
/// turns most.
/// inputs   {the model}
/// samples  sets whose rows are taken together, at most 512
/// settings adversarial_steps, adversarial_lr, sparsity
/// figures  label; mask: |m|_1; success: part of the other labels' samples that it turns into the label
/// numbers  the mask's values, then the pattern's (calibrate/perturbations.hpp)
job::JobResult adversarial_trigger(engine::Workspace& workspace, const job::KernelJob& job);

}  // namespace afu::calibrate
