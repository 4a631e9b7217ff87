#include "methods/afu_ic/uce_job.hpp"

#include "methods/fedosd/orthogonal.hpp"
#include "methods/pga/projection.hpp"
#include "methods/required.hpp"
#include "methods/sgd_on_forget_set.hpp"

namespace afu::methods {

job::JobResult run(engine::Workspace& workspace, const UceJob& job) {
  const auto start = required(job.training.base, "the base")->values.to(workspace.device());
  const auto gradient = [&](const engine::Batch& batch, const torch::Tensor&) {
    workspace.gradients().zero_();
    const auto loss = unlearning_cross_entropy(workspace.net().forward(batch.images), batch.labels);
    loss.backward();
    return loss.detach();
  };
  auto result = sgd_on_forget_set(workspace, job.training, gradient, [&] {
    if (job.radius > 0) project_onto_ball(workspace.parameters(), start, job.radius);
  });
  result.figures["distance"] = result.outputs[0]->values.norm().item<double>();
  return result;
}

}  // namespace afu::methods
