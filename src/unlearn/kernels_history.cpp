#include "unlearn/kernels_history.hpp"

#include <cmath>
#include <stdexcept>

#include "unlearn/kernels_common.hpp"

namespace afu::unlearn {
namespace {

constexpr double kTiny = 1e-12;

double square_norm(const torch::Tensor& v) {
  const auto d = v.to(torch::kFloat64);
  return at::dot(d, d).item<double>();
}

torch::Tensor on(const compute::Workspace& workspace, const model::ParametersPtr& v) {
  return v->values.to(workspace.device());
}

}  // namespace

double recovery_sigma(double epsilon, double beta, double sensitivity) {
  const double b = std::log(1 / beta);
  return sensitivity / (std::sqrt(2.0) * (std::sqrt(b + epsilon) - std::sqrt(b)));
}

compute::JobResult fedrecovery(compute::Workspace& workspace, const compute::KernelJob& job) {
  const auto& model = required_input(job, 0, "the model");
  torch::NoGradGuard no_grad;
  auto sum = torch::zeros_like(on(workspace, model));
  double total = 0;
  std::size_t input = 1;
  for (std::size_t n = 0; n + 1 < job.numbers.size();) {
    const double share = job.numbers[n];
    const auto count = static_cast<std::size_t>(job.numbers[n + 1]);
    n += 2;
    const auto aggregate = on(workspace, required_input(job, input + 1, "a round's end")) -
                           on(workspace, required_input(job, input, "a round's start"));
    input += 2;
    const double weight = square_norm(aggregate);
    total += weight;
    if (count == 0) continue;
    auto residual = aggregate * -share;
    for (std::size_t k = 0; k < count; ++k)
      residual.add_(on(workspace, required_input(job, input + k, "an update of the target")),
                    job.numbers.at(n + k));
    n += count;
    input += count;
    sum.add_(residual, weight / (1 - share));
  }
  if (total > 0) sum.mul_(-job.settings.real("scale") / total);
  double sigma = job.settings.real("sigma");
  if (const double epsilon = job.settings.real("epsilon"); epsilon > 0)
    sigma = recovery_sigma(epsilon, job.settings.real("beta"), job.settings.real("sensitivity"));
  if (sigma > 0) {
    sim::Stream stream(job.key);
    auto noise = torch::empty({sum.numel()}, torch::kFloat32);
    auto* p = noise.data_ptr<float>();
    for (std::int64_t i = 0; i < noise.numel(); ++i) p[i] = static_cast<float>(sigma * stream.normal());
    sum.add_(noise.to(workspace.device()));
  }
  compute::JobResult result;
  result.figures["sigma"] = sigma;
  result.outputs = {workspace.wrap(sum, torch::empty({0}, sum.options()))};
  check_finite(*result.outputs[0]);
  return result;
}

compute::JobResult federaser_step(compute::Workspace& workspace, const compute::KernelJob& job) {
  const auto& base = required_input(job, 0, "the calibrated model");
  const bool by_layer = job.settings.text("norm") == "layer";
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
  for (std::size_t k = 0; k < job.numbers.size(); ++k) {
    const auto stored = on(workspace, required_input(job, 1 + job.numbers.size() + k, "a stored update"));
    const auto& answer = required_input(job, 1 + k, "a new update");
    const auto fresh = on(workspace, answer);
    if (by_layer)
      for (const auto& s : workspace.layout()->parameters)
        add(next.narrow(0, s.offset, s.size), stored.narrow(0, s.offset, s.size),
            fresh.narrow(0, s.offset, s.size), job.numbers[k]);
    else
      add(next, stored, fresh, job.numbers[k]);
    if (buffers.numel() > 0) buffers.add_(answer->buffers.to(buffers.device()), job.numbers[k] / total);
  }
  compute::JobResult result;
  result.outputs = {workspace.wrap(next, job.numbers.empty() ? base->buffers : buffers)};
  check_finite(*result.outputs[0]);
  return result;
}

}  // namespace afu::unlearn
