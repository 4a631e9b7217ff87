#include "calibrate/erasure_subspace.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "calibrate/environments.hpp"
#include "calibrate/jobs.hpp"
#include "calibrate/losses.hpp"
#include "engine/eigen.hpp"
#include "engine/workspace.hpp"
#include "train/local_training.hpp"
#include "train/schedule.hpp"

namespace afu::calibrate {
namespace {

constexpr double kFloor = 1e-6;     // of the strongest direction, in length
constexpr std::int64_t kSpan = 16;  // directions of the retained data

/// Rows times rows, in float64: of float32 rows a tenth of the memory would not do.
torch::Tensor gram(const torch::Tensor& a, const torch::Tensor& b) {
  return at::mm(a.to(torch::kFloat64), b.to(torch::kFloat64).t()).cpu();
}

torch::Tensor unit_rows(const torch::Tensor& v) { return v / v.norm(2, {1}, true).clamp_min(1e-30); }

}  // namespace

torch::Tensor leading_directions(const torch::Tensor& vectors, std::int64_t most) {
  auto basis = vectors;
  // The second round makes what rounding left of the first orthonormal.
  for (int round = 0; round < 2; ++round) {
    const auto [values, rotation] = engine::symmetric_eigen(gram(basis, basis));
    const auto n = values.size(0);
    const double floor = std::max(1e-30, kFloor * kFloor * values[n - 1].item<double>());
    std::int64_t keep = 0;
    while (keep < std::min(most, n) && values[n - 1 - keep].item<double>() > floor) ++keep;
    const auto scale = values.narrow(0, n - keep, keep).rsqrt().unsqueeze(0);
    const auto turn = (rotation.narrow(1, n - keep, keep) * scale).flip(1);
    basis = at::mm(turn.t().to(basis.device()), basis.to(torch::kFloat64)).to(torch::kFloat32);
  }
  return basis;
}

job::JobResult run(engine::Workspace& workspace, const SketchJob& job) {
  if (!job.model) throw std::invalid_argument("the input is the model");
  if (!job.forget || job.forget->empty()) throw std::invalid_argument("there are no samples to forget");
  const train::Schedule schedule(job.forget, job.batch_size, 1, job.count, job.key);
  const auto order = workspace.upload(schedule.order());
  workspace.load(*job.model);
  workspace.net().train(false);
  job::JobResult result;
  for (std::int64_t step = 0; step < schedule.steps(); ++step) {
    const auto batch = workspace.gather(order, schedule.begin(step), schedule.count(step));
    train::cross_entropy_gradient(workspace, batch);
    result.outputs.push_back(
        workspace.wrap(workspace.gradients().clone(), torch::zeros_like(workspace.buffers())));
    result.samples += schedule.count(step);
  }
  return result;
}

job::JobResult run(engine::Workspace& workspace, const SubspaceJob& job) {
  if (!job.model || !job.erasure)
    throw std::invalid_argument("the inputs are the model, the erasure and the sketch");
  workspace.load(*job.model);
  workspace.net().train(false);
  job::JobResult result;
  std::vector<torch::Tensor> retained;
  for (const auto& set : job.environments) {
    if (!set || set->empty()) continue;
    const auto order = workspace.upload(*set);
    train::cross_entropy_gradient(workspace, workspace.gather(order, 0, order.size(0)));
    retained.push_back(workspace.gradients().clone());
    result.samples += order.size(0);
  }
  torch::NoGradGuard no_grad;
  const auto erasure = job.erasure->values.to(workspace.device());
  std::vector<torch::Tensor> rows{erasure};
  for (const auto& gradient : job.sketch) rows.push_back(gradient->values.to(workspace.device()));
  auto sketch = unit_rows(at::stack(rows));
  if (!retained.empty()) {
    const auto span = leading_directions(at::stack(retained), kSpan);
    sketch = sketch - at::mm(gram(sketch, span).to(torch::kFloat32).to(workspace.device()), span);
  }
  auto basis = leading_directions(sketch, job.rank);
  for (std::int64_t j = 0; j < basis.size(0); ++j) {
    auto u = basis[j];
    if (at::dot(u.to(torch::kFloat64), erasure.to(torch::kFloat64)).item<double>() < 0) u = -u;
    result.outputs.push_back(workspace.wrap(u.clone(), torch::zeros_like(workspace.buffers())));
  }
  if (result.outputs.empty())
    throw std::runtime_error("the erasure lies in the span of the retained gradients: there is no subspace");
  return result;
}

}  // namespace afu::calibrate
