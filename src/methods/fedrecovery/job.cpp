#include "methods/fedrecovery/job.hpp"

#include <cmath>
#include <utility>

#include "base/elementary.hpp"
#include "engine/workspace.hpp"
#include "methods/gaussian_noise.hpp"
#include "methods/required.hpp"

namespace afu::methods {
namespace {

double square_norm(const torch::Tensor& v) {
  const auto d = v.to(torch::kFloat64);
  return at::dot(d, d).item<double>();
}

torch::Tensor on(const engine::Workspace& workspace, const model::ParametersPtr& v, const char* what) {
  return required(v, what)->values.to(workspace.device());
}

/// sum_i p_i delta_i, times -scale.
torch::Tensor correction(const engine::Workspace& workspace, const FedrecoveryJob& job) {
  auto sum = torch::zeros_like(on(workspace, job.model, "the model"));
  const bool earlier = job.weights == RoundWeights::earlier, retained = job.residual == Residual::retained;
  double total = 0;
  for (const auto& round : job.rounds) {
    const auto aggregate =
        on(workspace, round.end, "a round's end") - on(workspace, round.start, "a round's start");
    double weight = square_norm(aggregate);
    const double before = std::exchange(total, total + weight);
    if (earlier) weight = before > 0 ? weight / before : 0;
    if (round.target.empty()) continue;
    auto residual = retained ? aggregate * round.share : aggregate * -round.share;
    for (const auto& [a, update] : round.target)
      residual.add_(on(workspace, update, "an update of the target"), retained ? -round.share * a : a);
    sum.add_(residual, weight / (1 - round.share));
  }
  if (total > 0) sum.mul_(-job.scale / (earlier ? 1.0 : total));
  return sum;
}

}  // namespace

double recovery_sigma(double epsilon, double beta, double sensitivity) {
  const double b = base::log(1 / beta);
  return sensitivity / (std::sqrt(2.0) * (std::sqrt(b + epsilon) - std::sqrt(b)));
}

job::JobResult run(engine::Workspace& workspace, const FedrecoveryJob& job) {
  torch::NoGradGuard no_grad;
  auto sum = correction(workspace, job);
  const double sigma = job.epsilon > 0 ? recovery_sigma(job.epsilon, job.beta, job.sensitivity) : job.sigma;
  if (sigma > 0) add_gaussian_noise(sum, sigma, job.key);
  job::JobResult result;
  result.figures["sigma"] = sigma;
  result.outputs = {workspace.wrap(sum, torch::empty({0}, sum.options()))};
  return result;
}

}  // namespace afu::methods
