#include "calibrate/jobs.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "engine/task_loss.hpp"
#include "engine/workspace.hpp"

namespace afu::calibrate {
namespace {

/// The class at which the sum of probabilities p [1, classes] passes `u` in [0, 1).
std::int64_t drawn(const torch::Tensor& p, double u) {
  const auto sums = p.to(torch::kCPU, torch::kFloat64).cumsum(1);
  return std::min(sums.le(u).sum().item<std::int64_t>(), p.size(1) - 1);
}

/// Of one image with any number of labels the logarithm of the probability of a set of labels, which are independent of each
/// other as the network answers: own, or drawn from these answers.
torch::Tensor log_likelihood(const torch::Tensor& logits, torch::Tensor labels, bool draw,
                             base::Stream& stream) {
  if (draw) {
    const auto p = logits.detach().sigmoid().to(torch::kCPU, torch::kFloat64);
    auto drawn = torch::empty_like(p);
    for (std::int64_t l = 0; l < p.size(1); ++l)
      drawn[0][l] = stream.uniform() < p[0][l].item<double>() ? 1.0 : 0.0;
    labels = drawn.to(labels.device(), labels.scalar_type());
  }
  return engine::log_probabilities_of(logits, labels).sum();
}

}  // namespace

job::JobResult run(engine::Workspace& workspace, const FisherJob& job) {
  using Labels = config::FisherLabels;
  if (!job.model) throw std::invalid_argument("the input is the model");
  if (!job.rows || job.rows->empty()) throw std::invalid_argument("there are no samples to compute on");
  base::Stream stream(job.key);
  const auto order = workspace.upload(*job.rows);
  workspace.load(*job.model);
  workspace.net().train(false);

  auto& g = workspace.gradients();
  auto sum = torch::zeros_like(g);
  job::JobResult result;
  for (std::int64_t i = 0; i < order.size(0); ++i) {
    const auto image = workspace.gather(order, i, 1);
    if (engine::multi_label(image.labels)) {
      const auto logits = workspace.net().forward(image.images);
      if (job.labels != Labels::all) {
        g.zero_();
        log_likelihood(logits, image.labels, job.labels == Labels::sampled, stream).backward();
        torch::NoGradGuard no_grad;
        sum.addcmul_(g, g);
        ++result.samples;
        continue;
      }
      // Scores of independent labels are uncorrelated: each adds p (1 - p) times the square of its logit's gradient.
      const auto p = logits.detach().sigmoid();
      const auto spread = p * (1 - p);
      for (std::int64_t l = 0; l < logits.size(1); ++l) {
        g.zero_();
        logits.select(1, l).backward({}, /*retain_graph=*/l + 1 < logits.size(1));
        torch::NoGradGuard no_grad;
        sum.addcmul_(g * spread.select(1, l), g);
      }
      result.samples += logits.size(1);
      continue;
    }
    const auto log_p = workspace.net().forward(image.images).log_softmax(1);
    const auto p = log_p.detach().exp();
    const auto classes = log_p.size(1);
    if (job.labels != Labels::all) {
      const auto c =
          job.labels == Labels::own ? image.labels.item<std::int64_t>() : drawn(p, stream.uniform());
      g.zero_();
      log_p.select(1, c).backward();
      torch::NoGradGuard no_grad;
      sum.addcmul_(g, g);
      ++result.samples;
      continue;
    }
    for (std::int64_t c = 0; c < classes; ++c) {
      g.zero_();
      log_p.select(1, c).backward({}, /*retain_graph=*/c + 1 < classes);
      torch::NoGradGuard no_grad;
      sum.addcmul_(g * p.select(1, c), g);
    }
    result.samples += classes;
  }
  sum.div_(static_cast<double>(order.size(0)));
  const double mean = sum.mean(torch::kFloat64).item<double>();
  result.figures["mean"] = mean;
  result.figures["largest"] = sum.max().item<double>();
  if (job.normalise && mean > 0) sum.div_(mean);
  result.outputs = {workspace.wrap(std::move(sum), torch::zeros_like(workspace.buffers()))};
  return result;
}

}  // namespace afu::calibrate
