#include "lane/execute_together.hpp"

#include "engine/execute.hpp"
#include "engine/finite.hpp"
#include "engine/workspace.hpp"
#include "model/fixed_order.hpp"
#include "train/batched_training.hpp"
#include "train/train_job.hpp"

namespace afu::lane {

std::vector<job::JobResult> execute_together(engine::Workspace& workspace, train::BatchedTraining& batched,
                                             const std::vector<const train::TrainJob*>& jobs) {
  std::vector<job::JobResult> results;
  const auto whole = engine::attempt(workspace, "train", [&] {
    const model::FixedOrder by_library(false);  // it rounds by who trains together anyway
    results = batched.train(workspace, jobs);
    std::vector<model::ParametersPtr> deltas;
    for (const auto& r : results) deltas.push_back(r.outputs.front());
    const engine::FiniteCheck seen(deltas);
    workspace.wait();
    for (std::size_t k = 0; k < results.size(); ++k)
      if (!seen.finite(k)) results[k].not_finite = 0;
    return job::JobResult{};
  });
  if (!whole.error.empty()) results.assign(jobs.size(), whole);
  for (auto& r : results) r.seconds = whole.seconds / static_cast<double>(jobs.size());
  return results;
}

}  // namespace afu::lane
