#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/Exception.h>

#include <chrono>
#include <exception>
#include <stdexcept>
#include <utility>

#include "compute/combine.hpp"
#include "compute/kernels.hpp"
#include "compute/workspace.hpp"
#include "metrics/evaluate.hpp"
#include "train/local_training.hpp"

namespace afu::compute {
namespace {

const char* job_name(const TrainJob&) { return "train"; }
const char* job_name(const EvaluateJob&) { return "evaluate"; }
const char* job_name(const CombineJob&) { return "combine"; }
const char* job_name(const KernelJob& job) { return job.kernel.c_str(); }

JobResult run(Workspace& workspace, const TrainJob& job) { return train::train_locally(workspace, job); }
JobResult run(Workspace& workspace, const EvaluateJob& job) { return metrics::evaluate(workspace, job); }
JobResult run(Workspace& workspace, const CombineJob& job) { return combine(workspace, job); }
JobResult run(Workspace& workspace, const KernelJob& job) {
  const auto kernel = find_kernel(job.kernel);
  if (!kernel) throw std::invalid_argument("there is no such kernel");
  if (job.derived.empty()) return kernel(workspace, job);
  auto complete = job;
  complete.derived.clear();
  for (auto& vector : combine(workspace, CombineJob{job.derived}).outputs)
    complete.inputs.push_back(std::move(vector));
  return kernel(workspace, complete);
}

/// Until all that the current stream was given is done: another lane may read the outputs on a stream of its
/// own.
void finish(torch::Device device) {
  if (!device.is_cpu()) c10::impl::VirtualGuardImpl(device.type()).getStream(device).synchronize();
}

}  // namespace

JobResult execute(Workspace& workspace, const Job& job) {
  const auto began = std::chrono::steady_clock::now();
  JobResult result;
  std::string error;
  try {
    result = std::visit([&](const auto& j) { return run(workspace, j); }, job);
    finish(workspace.device());
  } catch (const c10::Error& e) {
    error = e.what_without_backtrace();
  } catch (const std::exception& e) {
    error = e.what();
  } catch (...) {
    error = "unknown exception";
  }
  if (!error.empty()) {
    result = {};
    result.error = std::visit([](const auto& j) { return std::string(job_name(j)); }, job) + ": " + error;
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return result;
}

}  // namespace afu::compute
