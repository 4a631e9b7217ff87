#include "methods/gradient_ascent/job.hpp"

#include "methods/sgd_on_forget_set.hpp"
#include "train/local_training.hpp"

namespace afu::methods {

job::JobResult run(engine::Workspace& workspace, const GradientAscentJob& job) {
  return sgd_on_forget_set(workspace, job.training, [&](const engine::Batch& batch, const torch::Tensor&) {
    return train::cross_entropy_gradient(workspace, batch, -1.0);
  });
}

}  // namespace afu::methods
