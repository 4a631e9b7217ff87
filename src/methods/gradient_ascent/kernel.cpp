#include "methods/gradient_ascent/kernel.hpp"

#include "engine/kernel_job.hpp"
#include "methods/kernels_common.hpp"
#include "train/local_training.hpp"

namespace afu::methods {

job::JobResult gradient_ascent(engine::Workspace& workspace, const job::KernelJob& job) {
  return sgd_on_forget_set(workspace, job, [&](const engine::Batch& batch, const torch::Tensor&) {
    return train::cross_entropy_gradient(workspace, batch, -1.0);
  });
}

}  // namespace afu::methods
