#include "attack/probe.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

namespace afu::attack {
namespace {

constexpr int steps = 400;
constexpr double decay = 1e-3;

torch::Tensor every_other(const torch::Tensor& t, std::int64_t from) {
  return t.slice(0, from, t.size(0), 2);
}

Scores to_scores(const torch::Tensor& t) {
  const auto flat = t.to(torch::kCPU, torch::kFloat64).contiguous();
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

torch::Tensor features_of(engine::Workspace& workspace, const data::Indices& rows, std::int64_t batch_size) {
  const auto order = workspace.upload(rows);
  std::vector<torch::Tensor> parts;
  for (std::int64_t begin = 0, n = order.size(0); begin < n; begin += batch_size)
    parts.push_back(
        workspace.net().features(workspace.gather(order, begin, std::min(batch_size, n - begin)).images));
  return torch::cat(parts);
}

}  // namespace

Separation linear_probe(const torch::Tensor& positives, const torch::Tensor& negatives) {
  if (positives.dim() != 2 || positives.sizes() != negatives.sizes() || positives.size(0) < 2)
    throw std::invalid_argument("a probe needs two sets of as many features, of two images or more");
  torch::NoGradGuard no_grad;
  const auto p = positives.to(torch::kFloat64), n = negatives.to(torch::kFloat64);
  const auto x = torch::cat({every_other(p, 0), every_other(n, 0)});
  const auto mean = x.mean(0, true), deviation = x.std(0, /*unbiased=*/false, /*keepdim=*/true) + 1e-8;
  const double width = std::sqrt(static_cast<double>(x.size(1)));
  // Scaled by the root of their number, features and offset have a curvature of at most 1/2.
  const auto scaled = [&](const torch::Tensor& t) { return (t - mean) / (deviation * width); };
  const auto learn = scaled(x);
  const auto half = learn.size(0) / 2;
  auto target = torch::zeros({learn.size(0)}, learn.options());
  target.narrow(0, 0, half).fill_(1);
  auto w = torch::zeros({x.size(1)}, learn.options()), velocity = torch::zeros_like(w);
  auto offset = torch::zeros({}, learn.options()), offset_velocity = torch::zeros_like(offset);
  for (int step = 0; step < steps; ++step) {  // Nesterov's method
    const auto ahead = w + 0.9 * velocity;
    const auto offset_ahead = offset + 0.9 * offset_velocity;
    const auto error = torch::sigmoid(learn.mv(ahead) + offset_ahead) - target;
    velocity = 0.9 * velocity - 2.0 * (learn.t().mv(error) / static_cast<double>(learn.size(0)) +
                                       decay * ahead / static_cast<double>(x.size(1)));
    offset_velocity = 0.9 * offset_velocity - 2.0 * error.mean();
    w = w + velocity;
    offset = offset + offset_velocity;
  }
  return separate(to_scores(scaled(every_other(p, 1)).mv(w)), to_scores(scaled(every_other(n, 1)).mv(w)));
}

Separation probe_for_trigger(engine::Workspace& workspace, const data::Indices& triggered,
                             const data::Indices& clean, std::int64_t batch_size) {
  torch::NoGradGuard no_grad;
  const auto features = features_of(workspace, triggered, batch_size);
  return linear_probe(features, features_of(workspace, clean, batch_size));
}

}  // namespace afu::attack
