#include "methods/federaser/job.hpp"

#include <algorithm>
#include <cmath>

#include "engine/combine.hpp"
#include "engine/workspace.hpp"
#include "methods/required.hpp"

namespace afu::methods {
namespace {

constexpr double kTiny = 1e-12;

double length(const torch::Tensor& v) {
  const auto d = v.to(torch::kFloat64);
  return std::sqrt(at::dot(d, d).item<double>());
}

/// to += weight |stored| fresh / |fresh|; nothing where `fresh` did not move.
void add(torch::Tensor to, const torch::Tensor& stored, const torch::Tensor& fresh, double weight) {
  const double moved = length(fresh);
  if (moved > kTiny) to.add_(fresh, weight * length(stored) / moved);
}

}  // namespace

job::JobResult run(engine::Workspace& workspace, const FederaserStepJob& job) {
  torch::NoGradGuard no_grad;
  const auto on = [&](const model::ParametersPtr& v) { return v->values.to(workspace.device()); };
  const auto& base = required(job.model, "the calibrated model");
  const double part =
      job.printed_factor ? 1.0 / static_cast<double>(std::max<std::size_t>(1, job.updates.size())) : 1.0;
  auto next = on(base).clone();
  const auto add_all = [&](const torch::Tensor& stored, const torch::Tensor& fresh, double weight) {
    if (job.norm == LengthOf::whole) return add(next, stored, fresh, weight);
    for (const auto& s : workspace.layout()->parameters)
      add(next.narrow(0, s.offset, s.size), stored.narrow(0, s.offset, s.size),
          fresh.narrow(0, s.offset, s.size), weight);
  };
  double total = 0;
  for (const auto& u : job.updates) total += u.weight;
  auto buffers = torch::zeros_like(base->buffers);
  auto all_stored = torch::zeros_like(next), all_fresh = torch::zeros_like(next);
  for (const auto& u : job.updates) {
    const auto stored = on(engine::combined(workspace, u.stored));
    const auto fresh = on(required(u.fresh, "a new update"));
    if (job.calibrate == LengthOfWhom::mean) {
      all_stored.add_(stored, u.weight);
      all_fresh.add_(fresh, u.weight);
    } else {
      add_all(stored, fresh, part * u.weight);
    }
    if (buffers.numel() > 0) buffers.add_(u.fresh->buffers.to(buffers.device()), u.weight / total);
  }
  if (job.calibrate == LengthOfWhom::mean) add_all(all_stored, all_fresh, part);
  job::JobResult result;
  result.outputs = {workspace.wrap(next, job.updates.empty() ? base->buffers : buffers)};
  return result;
}

}  // namespace afu::methods
