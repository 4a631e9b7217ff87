#include "methods/afu_ic/match_job.hpp"

#include <algorithm>
#include <stdexcept>

#include "engine/sgd.hpp"
#include "engine/task_loss.hpp"
#include "engine/workspace.hpp"
#include "methods/required.hpp"

namespace afu::methods {
namespace {

/// The mean over `rows`, detached, on the device; with `gradient` the flat gradient is its own then.
torch::Tensor mean_cross_entropy(engine::Workspace& workspace, const torch::Tensor& rows, bool gradient) {
  constexpr std::int64_t kRows = 512;  // at a time: the memory is bounded
  torch::AutoGradMode mode(gradient);
  if (gradient) workspace.gradients().zero_();
  const auto count = rows.size(0);
  auto mean = torch::zeros({}, workspace.parameters().options().requires_grad(false));
  for (std::int64_t begin = 0; begin < count; begin += kRows) {
    const auto batch = workspace.gather(rows, begin, std::min(kRows, count - begin));
    const auto loss = engine::task_loss_sum(workspace.net().forward(batch.images), batch.labels) /
                      static_cast<double>(count);
    if (gradient) loss.backward();
    mean += loss.detach();
  }
  return mean;
}

}  // namespace

job::JobResult run(engine::Workspace& workspace, const MatchJob& job) {
  const auto& base = required(job.base, "the base");
  const auto& forget = samples_to_forget(job.forget);
  if (!job.held_out || job.held_out->empty())
    throw std::invalid_argument("there are no held-out samples whose loss could be the level");

  const auto members = workspace.upload(*forget), others = workspace.upload(*job.held_out);
  workspace.load(*base);
  workspace.net().train(false);
  auto momentum = workspace.momentum();
  const auto level = mean_cross_entropy(workspace, others, false);
  job::JobResult result;
  for (std::int64_t step = 0; step < job.steps; ++step) {
    const auto loss = mean_cross_entropy(workspace, members, true);
    if (step == 0) result.figures["loss_before"] = loss.item<double>();
    workspace.gradients().mul_((loss - level) * 2);
    engine::sgd_step(workspace.parameters(), workspace.gradients(), momentum, {}, job.sgd);
  }
  result.figures["level"] = level.item<double>();
  result.figures["loss_after"] = mean_cross_entropy(workspace, members, false).item<double>();
  result.samples = members.size(0) * (job.steps + 1) + others.size(0);
  result.outputs = {workspace.difference(base)};
  return result;
}

}  // namespace afu::methods
