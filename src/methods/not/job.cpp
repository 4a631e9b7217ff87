#include "methods/not/job.hpp"

#include "engine/workspace.hpp"
#include "methods/required.hpp"

namespace afu::methods {

job::JobResult run(engine::Workspace& workspace, const NegateFirstLayerJob& job) {
  const auto& model = required(job.model, "the model");
  torch::NoGradGuard no_grad;
  const auto& first = workspace.layout()->parameters.front();
  workspace.load(*model);
  workspace.parameters().narrow(0, first.offset, first.size).neg_();
  job::JobResult result;
  result.outputs = {workspace.difference(model)};
  return result;
}

}  // namespace afu::methods
