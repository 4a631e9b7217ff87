#include "methods/federaser/kernel.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "engine/kernel_job.hpp"
#include "methods/kernels_common.hpp"

namespace afu::methods {
namespace {

constexpr double kTiny = 1e-12;

double square_norm(const torch::Tensor& v) {
  const auto d = v.to(torch::kFloat64);
  return at::dot(d, d).item<double>();
}

torch::Tensor on(const engine::Workspace& workspace, const model::ParametersPtr& v) {
  return v->values.to(workspace.device());
}

}  // namespace

double recovery_sigma(double epsilon, double beta, double sensitivity) {
  const double b = std::log(1 / beta);
  return sensitivity / (std::sqrt(2.0) * (std::sqrt(b + epsilon) - std::sqrt(b)));
}

job::JobResult fedrecovery(engine::Workspace& workspace, const job::KernelJob& job) {
  const auto& model = required_input(job, 0, "the model");
  torch::NoGradGuard no_grad;
  auto sum = torch::zeros_like(on(workspace, model));
  const bool earlier = job.settings.text("weights") == "earlier";
  const bool retained = job.settings.text("residual") == "retained";
  double total = 0;
  std::size_t input = 1;
  for (std::size_t n = 0; n + 1 < job.numbers.size();) {
    const double share = job.numbers[n];
    const auto count = static_cast<std::size_t>(job.numbers[n + 1]);
    n += 2;
    const auto aggregate = on(workspace, required_input(job, input + 1, "a round's end")) -
                           on(workspace, required_input(job, input, "a round's start"));
    input += 2;
    double weight = square_norm(aggregate);
    const double before = std::exchange(total, total + weight);
    if (earlier) weight = before > 0 ? weight / before : 0;
    if (count == 0) continue;
    auto residual = retained ? aggregate * share : aggregate * -share;
    for (std::size_t k = 0; k < count; ++k)
      residual.add_(on(workspace, required_input(job, input + k, "an update of the target")),
                    retained ? -share * job.numbers.at(n + k) : job.numbers.at(n + k));
    n += count;
    input += count;
    sum.add_(residual, weight / (1 - share));
  }
  if (total > 0) sum.mul_(-job.settings.real("scale") / (earlier ? 1.0 : total));
  double sigma = job.settings.real("sigma");
  if (const double epsilon = job.settings.real("epsilon"); epsilon > 0)
    sigma = recovery_sigma(epsilon, job.settings.real("beta"), job.settings.real("sensitivity"));
  if (sigma > 0) {
    base::Stream stream(job.key);
    auto noise = torch::empty({sum.numel()}, torch::kFloat32);
    auto* p = noise.data_ptr<float>();
    for (std::int64_t i = 0; i < noise.numel(); ++i) p[i] = static_cast<float>(sigma * stream.normal());
    sum.add_(noise.to(workspace.device()));
  }
  job::JobResult result;
  result.figures["sigma"] = sigma;
  result.outputs = {workspace.wrap(sum, torch::empty({0}, sum.options()))};
  return result;
}

job::JobResult federaser_step(engine::Workspace& workspace, const job::KernelJob& job) {
  const auto& base = required_input(job, 0, "the calibrated model");
  const bool by_layer = job.settings.text("norm") == "layer",
             of_mean = job.settings.text("calibrate") == "mean";
  const double part = job.settings.flag("printed_factor")
                          ? 1.0 / static_cast<double>(std::max<std::size_t>(1, job.numbers.size()))
                          : 1.0;
  torch::NoGradGuard no_grad;
  auto next = on(workspace, base).clone();
  auto buffers = torch::zeros_like(base->buffers);
  double total = 0;
  for (double a : job.numbers) total += a;
  const auto add = [&](torch::Tensor to, const torch::Tensor& stored, const torch::Tensor& fresh,
                       double weight) {
    const double length = std::sqrt(square_norm(fresh));
    if (length > kTiny) to.add_(fresh, weight * std::sqrt(square_norm(stored)) / length);
  };
  const auto add_all = [&](const torch::Tensor& stored, const torch::Tensor& fresh, double weight) {
    if (!by_layer) return add(next, stored, fresh, weight);
    for (const auto& s : workspace.layout()->parameters)
      add(next.narrow(0, s.offset, s.size), stored.narrow(0, s.offset, s.size),
          fresh.narrow(0, s.offset, s.size), weight);
  };
  auto all_stored = torch::zeros_like(next), all_fresh = torch::zeros_like(next);
  for (std::size_t k = 0; k < job.numbers.size(); ++k) {
    const auto stored = on(workspace, required_input(job, 1 + job.numbers.size() + k, "a stored update"));
    const auto& answer = required_input(job, 1 + k, "a new update");
    const auto fresh = on(workspace, answer);
    if (of_mean) {
      all_stored.add_(stored, job.numbers[k]);
      all_fresh.add_(fresh, job.numbers[k]);
    } else {
      add_all(stored, fresh, part * job.numbers[k]);
    }
    if (buffers.numel() > 0) buffers.add_(answer->buffers.to(buffers.device()), job.numbers[k] / total);
  }
  if (of_mean) add_all(all_stored, all_fresh, part);
  job::JobResult result;
  result.outputs = {workspace.wrap(next, job.numbers.empty() ? base->buffers : buffers)};
  return result;
}

}  // namespace afu::methods
