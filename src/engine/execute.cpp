#include "engine/execute.hpp"

#include <c10/util/Exception.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <new>
#include <string>
#include <utility>

#include "base/fault.hpp"
#include "engine/finite.hpp"
#include "engine/workspace.hpp"
#include "model/fixed_order.hpp"

namespace afu::engine {
namespace {

/// The result with the answer to whether it is finite. Numbers count as one more output.
job::JobResult looked_at(Workspace& workspace, job::JobResult result) {
  if (result.looked_at) return result;
  const FiniteCheck seen(result.outputs);
  if (!workspace.device().is_cpu()) workspace.wait();
  result.not_finite = seen.first_not_finite();
  const auto finite = [](double v) { return std::isfinite(v); };
  if (!result.not_finite && !std::all_of(result.numbers.begin(), result.numbers.end(), finite))
    result.not_finite = result.outputs.size();
  return result;
}

}  // namespace

job::JobResult attempt(Workspace& workspace, const char* name,
                       const std::function<job::JobResult()>& compute) {
  // A network without fused kernels computes as fast as the libraries can (device::bound_to_processor).
  const model::FixedOrder order(workspace.fused() != nullptr);
  const auto began = std::chrono::steady_clock::now();
  job::JobResult result;
  std::string error;
  bool out_of_memory = false;
  try {
    base::fault::at_job();
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

job::JobResult execute(Workspace& workspace, const job::Job& job) {
  return attempt(workspace, job.name(), [&] { return looked_at(workspace, job.run(workspace)); });
}

}  // namespace afu::engine
