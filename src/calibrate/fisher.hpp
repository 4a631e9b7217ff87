#pragma once
/// The diagonal of the Fisher information (src/calibrate/README.md, Fisher information): kernel "fisher".
#include "engine/kernel_job.hpp"
#include "engine/workspace.hpp"
#include "job/job.hpp"

namespace afu::calibrate {

/// F_j = (1/n) sum_x sum_c p(c|x) (d log p(c|x) / d w_j)^2 at the model, exact over the classes, squared a
/// sample at a time, in eval mode. Instead of the sum over classes: one of them, drawn from p ("sampled"),
/// which is right on the mean, or the image's own label ("own"), which makes it the empirical Fisher
/// information.
/// inputs   {model}
/// samples  {rows}
/// settings labels: "all", "sampled", "own"; normalise: divide by the mean over all parameters, so that a
///          strength means the same for any model
/// outputs  {F [parameter_count]; buffers 0}
/// figures  mean, largest: of F before it is normalised
job::JobResult fisher(engine::Workspace& workspace, const job::KernelJob& job);

}  // namespace afu::calibrate
