#include "methods/gradient_ascent/kernel.hpp"

#include "train/local_training.hpp"
#include "methods/kernels_common.hpp"

namespace afu::unlearn {

compute::JobResult gradient_ascent(compute::Workspace& workspace, const compute::KernelJob& job) {
  return sgd_on_forget_set(workspace, job, [&](const compute::Batch& batch, const torch::Tensor&) {
    return train::cross_entropy_gradient(workspace, batch, -1.0);
  });
}

}  // namespace afu::unlearn
