#include "methods/knot/kernel.hpp"

#include <stdexcept>

#include "engine/kernel_job.hpp"
#include "methods/kernels_common.hpp"
#include "metrics/evaluate.hpp"

namespace afu::methods {

job::JobResult accuracies(engine::Workspace& workspace, const job::KernelJob& job) {
  if (job.samples.empty() || !job.samples[0] || job.samples[0]->empty())
    throw std::invalid_argument("there are no samples to measure on");
  const auto& rows = *job.samples[0];
  job::JobResult result;
  for (std::size_t i = 0; i < job.inputs.size(); ++i) {
    workspace.load(*required_input(job, i, "a cluster's model"));
    workspace.net().train(false);
    result.numbers.push_back(
        metrics::accuracy(metrics::predict(workspace, rows, job.settings.integer("batch_size"))));
    result.samples += static_cast<std::int64_t>(rows.size());
  }
  return result;
}

}  // namespace afu::methods
