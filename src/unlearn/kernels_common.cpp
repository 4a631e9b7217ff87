#include "unlearn/kernels_common.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace afu::unlearn {

const model::ParametersPtr& required_input(const compute::KernelJob& job, std::size_t index,
                                           const char* what) {
  if (index >= job.inputs.size() || !job.inputs[index])
    throw std::invalid_argument(fmt::format("input {} ({}) is missing", index, what));
  return job.inputs[index];
}

const data::IndicesPtr& forget_set(const compute::KernelJob& job) {
  if (job.samples.empty() || !job.samples[0] || job.samples[0]->empty())
    throw std::invalid_argument("there are no samples to forget");
  return job.samples[0];
}

void check_finite(const model::ParameterVector& v) {
  if (!v.values.isfinite().all().item<bool>())
    throw std::runtime_error("the erasure diverged: its result is not finite (a smaller lr may help)");
}

compute::SgdSettings sgd_settings(const compute::KernelJob& job) {
  compute::SgdSettings s;
  s.lr = job.settings.real("lr");
  s.momentum = job.settings.real("momentum");
  s.clip_norm = job.settings.real("clip_norm");
  return s;
}

}  // namespace afu::unlearn
