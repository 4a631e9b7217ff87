#include "methods/sifu/job.hpp"

#include <cmath>

#include "base/elementary.hpp"
#include "engine/workspace.hpp"
#include "methods/gaussian_noise.hpp"
#include "methods/required.hpp"

namespace afu::methods {
namespace {

double length(const torch::Tensor& v) { return v.to(torch::kFloat64).norm().item<double>(); }

torch::Tensor on(const engine::Workspace& workspace, const model::ParametersPtr& v, const char* what) {
  return required(v, what)->values.to(workspace.device());
}

/// By how much the round would have been another one without the target.
double moved(const engine::Workspace& workspace, const RememberedRound& round, bool mean) {
  if (round.target.empty()) return 0;
  constexpr const char* update = "an update of the target";
  if (!mean) {
    double sum = 0;
    for (const auto& [weight, delta] : round.target) sum += weight * length(on(workspace, delta, update));
    return sum;
  }
  const auto whole =
      on(workspace, round.end, "a round's end") - on(workspace, round.start, "a round's start");
  if (round.share >= 1) return length(whole);
  auto residual = whole * -round.share;
  for (const auto& [weight, delta] : round.target) residual.add_(on(workspace, delta, update), weight);
  return length(residual) / (1 - round.share);
}

}  // namespace

double sifu_threshold(double epsilon, double delta, double sigma) {
  return epsilon * sigma / std::sqrt(2 * base::log(1.25 / delta));
}

job::JobResult run(engine::Workspace& workspace, const SifuJob& job) {
  torch::NoGradGuard no_grad;
  job::JobResult result;
  auto version = required(job.first, "the first version");
  double psi = 0, reached = 0;
  std::size_t rounds = 0;
  bool below = true;
  for (const auto& round : job.rounds) {
    psi = job.contraction * psi + moved(workspace, round, job.mean);
    result.numbers.push_back(psi);
    below = below && psi <= job.threshold;
    if (!below) continue;
    version = required(round.end, "a round's end");
    reached = psi;
    ++rounds;
  }
  auto noisy = version->values.to(workspace.device()).clone();
  if (job.sigma > 0) add_gaussian_noise(noisy, job.sigma, job.key);
  result.outputs = {workspace.wrap(noisy, version->buffers.to(workspace.device()))};
  result.figures["rounds"] = static_cast<double>(rounds);
  result.figures["psi"] = reached;
  return result;
}

}  // namespace afu::methods
