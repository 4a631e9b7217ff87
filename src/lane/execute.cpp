#include <c10/util/Exception.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <functional>
#include <new>
#include <stdexcept>
#include <utility>

#include "engine/combine.hpp"
#include "engine/finite.hpp"
#include "engine/workspace.hpp"
#include "lane/kernels.hpp"
#include "metrics/evaluate.hpp"
#include "train/batched_training.hpp"
#include "train/local_training.hpp"

namespace afu::lane {
namespace {

const char* job_name(const job::TrainJob&) { return "train"; }
const char* job_name(const job::EvaluateJob&) { return "evaluate"; }
const char* job_name(const job::CombineJob&) { return "combine"; }
const char* job_name(const job::KernelJob& job) { return job.kernel.c_str(); }

/// The result with the answer to whether it is finite. Numbers count as one more output.
job::JobResult looked_at(engine::Workspace& workspace, job::JobResult result) {
  const engine::FiniteCheck seen(result.outputs);
  if (!workspace.device().is_cpu()) workspace.wait();
  result.not_finite = seen.first_not_finite();
  const auto finite = [](double v) { return std::isfinite(v); };
  if (!result.not_finite && !std::all_of(result.numbers.begin(), result.numbers.end(), finite))
    result.not_finite = result.outputs.size();
  return result;
}

job::JobResult run(engine::Workspace& workspace, const job::TrainJob& job) {
  return looked_at(workspace, train::train_locally(workspace, job));
}
job::JobResult run(engine::Workspace& workspace, const job::EvaluateJob& job) {
  return metrics::evaluate(workspace, job);
}
job::JobResult run(engine::Workspace& workspace, const job::CombineJob& job) {
  if (workspace.device().is_cpu()) return engine::combine(workspace, job);  // which looks while it adds
  return looked_at(workspace, engine::combine(workspace, job));
}
job::JobResult run(engine::Workspace& workspace, const job::KernelJob& job) {
  const auto kernel = find_kernel(job.kernel);
  if (!kernel) throw std::invalid_argument("there is no such kernel");
  if (job.derived.empty()) return looked_at(workspace, kernel(workspace, job));
  auto complete = job;
  complete.derived.clear();
  for (auto& vector : engine::combine(workspace, job::CombineJob{job.derived}).outputs)
    complete.inputs.push_back(std::move(vector));
  return looked_at(workspace, kernel(workspace, complete));
}

/// What `compute` returns, with its time, or its error. `name`: of the job.
job::JobResult attempt(engine::Workspace& workspace, const char* name,
                       const std::function<job::JobResult()>& compute) {
  const auto began = std::chrono::steady_clock::now();
  job::JobResult result;
  std::string error;
  bool out_of_memory = false;
  try {
    result = compute();
    workspace.wait();  // another lane may read the outputs on a stream of its own
  } catch (const c10::OutOfMemoryError& e) {
    out_of_memory = true;
    error = e.what_without_backtrace();
  } catch (const std::bad_alloc&) {
    out_of_memory = true;
    error = "the host's memory ran out";
  } catch (const c10::Error& e) {
    error = e.what_without_backtrace();
  } catch (const std::exception& e) {
    error = e.what();
  } catch (...) {
    error = "unknown exception";
  }
  if (!error.empty()) {
    try {
      workspace.wait();  // what the job has queued reads what it holds
    } catch (const std::exception&) {
      // the device's own error, which the next job on it meets as well
    }
    result = {};
    result.error = std::string(name) + ": " + error;
    result.out_of_memory = out_of_memory;
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return result;
}

}  // namespace

job::JobResult execute(engine::Workspace& workspace, const job::Job& job) {
  return std::visit(
      [&](const auto& j) { return attempt(workspace, job_name(j), [&] { return run(workspace, j); }); }, job);
}

std::vector<job::JobResult> execute_together(engine::Workspace& workspace, train::BatchedTraining& batched,
                                             const std::vector<const job::TrainJob*>& jobs) {
  std::vector<job::JobResult> results;
  const auto whole = attempt(workspace, "train", [&] {
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
