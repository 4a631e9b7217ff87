#include "calibrate/fisher.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "engine/kernel_job.hpp"

namespace afu::calibrate {
namespace {

/// The class at which the sum of probabilities p [1, classes] passes `u` in [0, 1).
std::int64_t drawn(const torch::Tensor& p, double u) {
  const auto sums = p.to(torch::kCPU, torch::kFloat64).cumsum(1);
  return std::min(sums.le(u).sum().item<std::int64_t>(), p.size(1) - 1);
}

}  // namespace

job::JobResult fisher(engine::Workspace& workspace, const job::KernelJob& job) {
  if (job.inputs.size() != 1 || !job.inputs[0]) throw std::invalid_argument("the input is the model");
  if (job.samples.empty() || !job.samples[0] || job.samples[0]->empty())
    throw std::invalid_argument("there are no samples to compute on");
  const auto& labels = job.settings.text("labels");
  if (labels != "all" && labels != "sampled" && labels != "own")
    throw std::invalid_argument("labels '" + labels + "' are none of all, sampled, own");
  base::Stream stream(job.key);
  const auto order = workspace.upload(*job.samples[0]);
  workspace.load(*job.inputs[0]);
  workspace.net().train(false);

  auto& g = workspace.gradients();
  auto sum = torch::zeros_like(g);
  job::JobResult result;
  for (std::int64_t i = 0; i < order.size(0); ++i) {
    const auto image = workspace.gather(order, i, 1);
    const auto log_p = workspace.net().forward(image.images).log_softmax(1);
    const auto p = log_p.detach().exp();
    const auto classes = log_p.size(1);
    if (labels != "all") {
      const auto c = labels == "own" ? image.labels.item<std::int64_t>() : drawn(p, stream.uniform());
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
  if (job.settings.flag("normalise") && mean > 0) sum.div_(mean);
  result.outputs = {workspace.wrap(std::move(sum), torch::zeros_like(workspace.buffers()))};
  return result;
}

}  // namespace afu::calibrate
