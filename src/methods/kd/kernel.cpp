#include "methods/kd/kernel.hpp"

#include "methods/kernels_common.hpp"

namespace afu::methods {

job::JobResult negate_first_layer(engine::Workspace& workspace, const job::KernelJob& job) {
  const auto& base = required_input(job, 0, "the model");
  torch::NoGradGuard no_grad;
  const auto& first = workspace.layout()->parameters.front();
  workspace.load(*base);
  workspace.parameters().narrow(0, first.offset, first.size).neg_();
  job::JobResult result;
  result.outputs = {workspace.difference(base)};
  return result;
}

}  // namespace afu::methods
