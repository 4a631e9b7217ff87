#include <torch/csrc/autograd/autograd.h>

#include <stdexcept>

#include "calibrate/jobs.hpp"
#include "calibrate/perturbations.hpp"
#include "calibrate/search_images.hpp"
#include "engine/task_loss.hpp"
#include "engine/workspace.hpp"

namespace afu::calibrate {

job::JobResult run(engine::Workspace& workspace, const PatternGradientJob& job) {
  if (!job.model) throw std::invalid_argument("the input is the model");
  const auto batch = search_images(workspace, job.environments);
  const auto patterns = from_numbers(job.patterns, batch.images);
  const auto& pattern = patterns[static_cast<std::size_t>(job.turn) % patterns.size()];
  workspace.load(*job.model);
  workspace.net().train(false);
  workspace.gradients().zero_();
  const auto risk =
      engine::task_loss(workspace.net().forward(with_universal_trigger(batch.images, pattern)), batch.labels);
  risk.backward();
  job::JobResult result;
  result.outputs = {workspace.wrap(-workspace.gradients(), torch::zeros_like(workspace.buffers()))};
  result.figures["risk"] = risk.item<double>();
  result.samples = batch.labels.size(0);
  return result;
}

}  // namespace afu::calibrate
