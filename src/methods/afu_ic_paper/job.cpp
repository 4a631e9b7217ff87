#include "methods/afu_ic_paper/job.hpp"

#include <optional>
#include <string>

#include "calibrate/environments.hpp"
#include "calibrate/losses.hpp"
#include "calibrate/perturbations.hpp"
#include "engine/sgd.hpp"
#include "engine/task_loss.hpp"
#include "engine/workspace.hpp"
#include "methods/required.hpp"

namespace afu::methods {
namespace {

torch::Tensor augmented(const torch::Tensor& images, Phi phi, base::StreamKey key, std::uint64_t draw,
                        std::uint64_t chunk) {
  key.purpose = base::purpose("afu_ic_paper.phi") + (chunk << 32) + draw;
  base::Stream stream(key);
  auto changed = images;
  if (phi != Phi::blur) changed = calibrate::shifted_intensity(changed, stream);
  if (phi != Phi::intensity) changed = calibrate::blurred(changed, stream);
  return changed;
}

/// mean over rows of KL(f(x) || f(Phi(x))).
torch::Tensor divergence(const torch::Tensor& clean, const torch::Tensor& changed, bool sets,
                         KlConstant constant) {
  const auto p = engine::log_probabilities(clean, sets);
  switch (constant) {
    case KlConstant::clean:
      return calibrate::distillation_kl(p.detach(), changed);
    case KlConstant::augmented:
      return calibrate::distillation_kl(p, changed.detach());
    case KlConstant::none:
      break;
  }
  return calibrate::distillation_kl(p, changed);
}

/// Sums over the chunks so far; scalars on the device.
struct Values {
  torch::Tensor loss, penalty, risk;
};

class Loss {
 public:
  Loss(engine::Workspace& workspace, const AugmentationKlJob& job)
      : workspace_(workspace), job_(job), all_(calibrate::gather_environments(workspace, job.environments)) {
    if (job.batch_size > 0) batches_.emplace(all_, job.batch_size, 1, job.key);
  }

  /// Over all images, where the replica stands. With `gradient` the flat gradient becomes L's.
  Values at(std::uint64_t draw, bool gradient) { return over(all_, draw, gradient); }
  /// Likewise with its gradient over the next batch, where there are batches.
  Values step(std::uint64_t draw) { return batches_ ? over(batches_->next(), draw, true) : at(draw, true); }
  bool whole() const { return !batches_; }
  std::int64_t passes() const { return passes_; }

 private:
  Values over(const calibrate::Environments& on, std::uint64_t draw, bool gradient) {
    torch::AutoGradMode mode(gradient);
    if (gradient) workspace_.gradients().zero_();
    const auto zero = torch::zeros({}, workspace_.parameters().options().requires_grad(false));
    Values sum{zero.clone(), zero.clone(), zero.clone()};
    for (std::uint64_t i = 0; i < on.chunks.size(); ++i) {
      const auto& [images, labels] = on.chunks[i].batch;
      const double share = static_cast<double>(images.size(0)) / static_cast<double>(on.samples);
      const auto logits = forward(images);
      const auto penalty = divergence(logits, forward(augmented(images, job_.phi, job_.key, draw, i)),
                                      engine::multi_label(labels), job_.constant) *
                           share;
      auto loss = penalty;
      if (job_.cross_entropy > 0) {
        const auto risk = engine::task_loss(logits, labels) * share;
        loss = penalty + risk * job_.cross_entropy;
        sum.risk += risk.detach();
      }
      if (gradient) loss.backward();
      sum.penalty += penalty.detach();
      sum.loss += loss.detach();
    }
    return sum;
  }
  torch::Tensor forward(const torch::Tensor& images) {
    passes_ += images.size(0);
    return workspace_.net().forward(images);
  }

  engine::Workspace& workspace_;
  const AugmentationKlJob& job_;
  calibrate::Environments all_;
  std::optional<calibrate::Batches> batches_;
  std::int64_t passes_ = 0;
};

}  // namespace

job::JobResult run(engine::Workspace& workspace, const AugmentationKlJob& job) {
  const auto& base = required(job.base, "the base");
  workspace.net().train(false);
  Loss loss(workspace, job);
  workspace.load(*base);
  job::JobResult result;
  const auto report = [&](const std::string& when, const Values& v) {
    result.figures["loss" + when] = v.loss.item<double>();
    result.figures["penalty" + when] = v.penalty.item<double>();
    if (job.cross_entropy > 0) result.figures["risk" + when] = v.risk.item<double>();
  };
  auto momentum = workspace.momentum();
  const bool first_tells = job.steps > 0 && loss.whole();
  if (!first_tells) report("_before", loss.at(0, false));
  for (std::int64_t step = 0; step < job.steps; ++step) {
    const auto here = loss.step(static_cast<std::uint64_t>(step));
    if (step == 0 && first_tells) report("_before", here);
    engine::sgd_step(workspace.parameters(), workspace.gradients(), momentum, {}, job.sgd);
  }
  report("_after", loss.at(0, false));
  result.outputs = {workspace.difference(base)};
  result.figures["norm"] = result.outputs[0]->values.to(torch::kFloat64).norm().item<double>();
  result.samples = loss.passes();
  return result;
}

}  // namespace afu::methods
