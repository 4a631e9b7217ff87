#include "calibrate/calibrate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "calibrate/losses.hpp"
#include "train/sgd.hpp"

namespace afu::calibrate {
namespace {

/// Environments are taken through the network together up to so many rows: the gradient is still that of the
/// whole set, the memory is bounded.
constexpr std::int64_t kRows = 512;

/// Some whole environments, next to each other in one batch.
struct Chunk {
  compute::Batch batch;
  std::vector<std::int64_t> sizes;
  torch::Tensor teacher;  ///< log probabilities
};

struct Environments {
  std::vector<Chunk> chunks;
  std::int64_t count = 0, samples = 0;
};

Environments gather_environments(compute::Workspace& workspace, const std::vector<data::IndicesPtr>& sets) {
  Environments all;
  data::Indices rows;
  std::vector<std::int64_t> sizes;
  const auto flush = [&] {
    if (rows.empty()) return;
    const auto order = workspace.upload(rows);
    all.chunks.push_back({workspace.gather(order, 0, order.size(0)), sizes, {}});
    rows.clear();
    sizes.clear();
  };
  for (const auto& set : sets) {
    if (!set || set->empty()) continue;
    const auto n = static_cast<std::int64_t>(set->size());
    if (static_cast<std::int64_t>(rows.size()) + n > kRows) flush();
    rows.insert(rows.end(), set->begin(), set->end());
    sizes.push_back(n);
    ++all.count;
    all.samples += n;
  }
  flush();
  if (all.count == 0) throw std::invalid_argument("there are no samples to calibrate on");
  return all;
}

struct Loss {
  torch::Tensor total, kl;
};

/// A chunk's share of L, and of the KL alone: summed over the chunks they are the whole.
Loss share(const Chunk& chunk, const torch::Tensor& logits, const Environments& all, double beta,
           double lambda) {
  const double per_environment = 1.0 / static_cast<double>(all.count);
  Loss loss;
  loss.total = torch::zeros({}, logits.options());
  std::int64_t begin = 0;
  for (auto n : chunk.sizes) {
    const auto z = logits.narrow(0, begin, n), y = chunk.batch.labels.narrow(0, begin, n);
    loss.total = loss.total + environment_risk(z, y) * per_environment;
    if (lambda != 0) loss.total = loss.total + irm_penalty(z, y) * (lambda * per_environment);
    begin += n;
  }
  const double weight = static_cast<double>(begin) / static_cast<double>(all.samples);
  loss.kl = distillation_kl(chunk.teacher, logits) * weight;
  if (beta != 0) loss.total = loss.total + loss.kl * beta;
  return loss;
}

}  // namespace

compute::JobResult calibrate(compute::Workspace& workspace, const compute::KernelJob& job) {
  if (job.inputs.size() != 2 || !job.inputs[0] || !job.inputs[1])
    throw std::invalid_argument("the inputs are the base and the teacher");
  const auto& base = job.inputs[0];
  const auto& teacher = job.inputs[1];
  const auto steps = job.settings.integer("steps");
  if (steps < 0) throw std::invalid_argument(fmt::format("steps is {}, allowed is 0 or more", steps));
  const double beta = job.settings.real("beta"), lambda = job.settings.real("lambda");
  compute::SgdSettings sgd;
  sgd.lr = job.settings.real("lr");
  sgd.momentum = job.settings.real("momentum");
  sgd.clip_norm = job.settings.real("clip_norm");

  auto all = gather_environments(workspace, job.samples);
  workspace.net().train(false);
  {
    torch::NoGradGuard no_grad;
    workspace.load(*teacher);
    for (auto& c : all.chunks) c.teacher = workspace.net().forward(c.batch.images).log_softmax(1);
  }
  workspace.load(*base);

  /// L and the KL where the replica stands; with gradients, also the flat gradient of L.
  const auto loss_here = [&](bool with_gradients) {
    torch::AutoGradMode mode(with_gradients);
    if (with_gradients) workspace.gradients().zero_();
    Loss sum;
    for (const auto& c : all.chunks) {
      const auto loss = share(c, workspace.net().forward(c.batch.images), all, beta, lambda);
      if (with_gradients) loss.total.backward();
      sum.total = sum.total.defined() ? sum.total + loss.total.detach() : loss.total.detach();
      sum.kl = sum.kl.defined() ? sum.kl + loss.kl.detach() : loss.kl.detach();
    }
    return sum;
  };

  auto momentum = workspace.momentum();
  torch::Tensor before;
  for (std::int64_t step = 0; step < steps; ++step) {
    const auto loss = loss_here(true);
    if (step == 0) before = loss.total;
    train::sgd_step(workspace.parameters(), workspace.gradients(), momentum, {}, sgd);
  }
  const auto after = loss_here(false);

  compute::JobResult result;
  result.outputs = {workspace.difference(base)};
  result.figures["loss_before"] = (before.defined() ? before : after.total).item<double>();
  result.figures["loss_after"] = after.total.item<double>();
  result.figures["kl_after"] = after.kl.item<double>();
  result.samples = all.samples * (steps + 2);  // the teacher's forward passes, the steps, the last look
  return result;
}

}  // namespace afu::calibrate
