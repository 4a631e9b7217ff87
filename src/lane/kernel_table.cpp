#include <stdexcept>
#include <utility>

#include "engine/combine.hpp"
#include "engine/combine_job.hpp"
#include "engine/kernel_job.hpp"

namespace afu::job {
namespace {

using Kernel = JobResult (*)(engine::Workspace&, const KernelJob&);

Kernel find_kernel(const std::string& name) {
  static const std::pair<const char*, Kernel> kernels[] = {
  };
  for (const auto& [known, kernel] : kernels)
    if (name == known) return kernel;
  return nullptr;
}

}  // namespace

JobResult run(engine::Workspace& workspace, const KernelJob& job) {
  const auto kernel = find_kernel(job.kernel);
  if (!kernel) throw std::invalid_argument("there is no such kernel");
  if (job.derived.empty()) return kernel(workspace, job);
  auto complete = job;
  complete.derived.clear();
  for (auto& vector : engine::run(workspace, engine::CombineJob{job.derived}).outputs)
    complete.inputs.push_back(std::move(vector));
  return kernel(workspace, complete);
}

}  // namespace afu::job
