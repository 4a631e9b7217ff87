#pragma once
/// On its way out: a job by name with positional inputs, until each kind is a struct of its own.
#include <string>
#include <vector>

#include "config/option.hpp"
#include "engine/combine_job.hpp"

namespace afu::job {

struct KernelJob {
  std::string kernel;
  config::Values settings;
  std::vector<engine::Combination> derived;  ///< computed on the lane first and appended to `inputs`
  std::vector<model::ParametersPtr> inputs;
  std::vector<base::IndicesPtr> samples;
  std::vector<double> numbers;
  base::StreamKey key;
};

template <class Visit>
void visit_fields(const KernelJob& j, Visit&& visit) {
  for (const auto& [name, value] : j.settings.all())
    std::visit([&, &n = name](const auto& v) { visit(n.c_str(), v); }, value);
  visit("derived", j.derived), visit("inputs", j.inputs), visit("samples", j.samples);
  visit("numbers", j.numbers), visit("key", j.key);
}
JobResult run(engine::Workspace& workspace, const KernelJob& job);

}  // namespace afu::job
