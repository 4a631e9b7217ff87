#include "methods/knot/job.hpp"

#include <stdexcept>

#include "engine/workspace.hpp"
#include "methods/required.hpp"
#include "metrics/evaluate.hpp"

namespace afu::methods {

job::JobResult run(engine::Workspace& workspace, const AccuraciesJob& job) {
  if (!job.rows || job.rows->empty()) throw std::invalid_argument("there are no samples to measure on");
  job::JobResult result;
  for (const auto& model : job.models) {
    workspace.load(*required(model, "a cluster's model"));
    workspace.net().train(false);
    result.numbers.push_back(metrics::accuracy(metrics::predict(workspace, *job.rows, job.batch_size)));
    result.samples += static_cast<std::int64_t>(job.rows->size());
  }
  return result;
}

}  // namespace afu::methods
