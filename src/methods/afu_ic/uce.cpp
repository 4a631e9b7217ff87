#include "methods/afu_ic/uce.hpp"

#include "engine/kernel_job.hpp"
#include "methods/fedosd/kernel.hpp"
#include "methods/kernels_common.hpp"
#include "methods/pga/kernel.hpp"

namespace afu::methods {

job::JobResult uce(engine::Workspace& workspace, const job::KernelJob& job) {
  const double radius = job.settings.real("radius");
  const auto start = required_input(job, 0, "the base")->values.to(workspace.device());
  const auto gradient = [&](const engine::Batch& batch, const torch::Tensor&) {
    workspace.gradients().zero_();
    const auto loss = unlearning_cross_entropy(workspace.net().forward(batch.images), batch.labels);
    loss.backward();
    return loss.detach();
  };
  auto result = sgd_on_forget_set(workspace, job, gradient, [&] {
    if (radius > 0) project_onto_ball(workspace.parameters(), start, radius);
  });
  result.figures["distance"] = result.outputs[0]->values.norm().item<double>();
  return result;
}

}  // namespace afu::methods
