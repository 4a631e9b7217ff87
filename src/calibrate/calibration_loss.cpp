#include "calibrate/calibration_loss.hpp"

#include <torch/csrc/autograd/autograd.h>

#include <utility>

#include "calibrate/losses.hpp"
#include "calibrate/perturbations.hpp"
#include "engine/task_loss.hpp"

namespace afu::calibrate {
namespace {

void add(torch::Tensor& sum, const torch::Tensor& term) {
  if (term.defined()) sum = sum.defined() ? sum + term : term;
}

}  // namespace

CalibrationLoss::CalibrationLoss(engine::Workspace& workspace, const std::vector<data::IndicesPtr>& sets,
                                 const Objective& objective, const base::StreamKey& key,
                                 const std::vector<double>& found)
    : workspace_(workspace), objective_(objective), key_(key), all_(gather_environments(workspace, sets)) {
  if (objective_.interventional) intervene(all_, key_);
  const auto& images = all_.chunks.front().batch.images;
  if (objective_.invariance == Invariance::difference) triggers_ = from_numbers(found, images);
  if (objective_.invariance == Invariance::features) {
    directions_ = directions_of(found, images);
    for (std::size_t i = 0; i < all_.clean(); ++i) {
      auto own = key_;
      own.purpose = base::purpose("calibrate.mixtures") + (static_cast<std::uint64_t>(i) << 32);
      base::Stream stream(own);
      all_.chunks[i].mixed = mixtures(all_.chunks[i].batch.images, stream);
    }
  }
  if (objective_.invariance != Invariance::perturbation) return;
  if (objective_.family == Family::oracle)
    for (auto& c : all_.chunks)
      if (c.clean) c.triggered = with_trigger(c.batch.images, objective_.trigger);
  if (objective_.family == Family::adversarial) triggers_ = from_numbers(found, images);
  if (objective_.family == Family::minimax)
    triggers_ = {{torch::zeros(images.sizes().slice(2), images.options()), torch::zeros_like(images[0])}};
}

torch::Tensor CalibrationLoss::forward(const torch::Tensor& images) {
  passes_ += images.size(0);
  return workspace_.net().forward(images);
}

void CalibrationLoss::set_before(const model::ParameterVector& version) {
  torch::NoGradGuard no_grad;
  workspace_.load(version);
  for (auto& c : all_.chunks)
    if (c.clean)
      c.before = engine::log_probabilities(forward(c.batch.images), engine::multi_label(c.batch.labels));
}

void CalibrationLoss::set_erased(const model::ParameterVector& version) {
  torch::NoGradGuard no_grad;
  workspace_.load(version);
  for (auto& c : all_.chunks) {
    if (!c.clean) continue;
    if (objective_.kd != 0)
      c.erased = engine::log_probabilities(forward(c.batch.images), engine::multi_label(c.batch.labels));
    if (objective_.invariance == Invariance::features) c.anchored = anchored(c);
  }
}

void CalibrationLoss::find_worst() {
  auto& added = triggers_.front().added;
  const double radius = objective_.ascent_radius;
  const double length = 2.5 * radius / static_cast<double>(objective_.ascent_steps);
  for (std::int64_t step = 0; step < objective_.ascent_steps; ++step) {
    torch::AutoGradMode with_gradients(true);
    auto gradient = torch::zeros_like(added);
    for (std::size_t i = 0; i < all_.clean(); ++i) {
      const auto& batch = all_.chunks[i].batch;
      const auto at = added.clone().set_requires_grad(true);
      const auto logits = forward(with_universal_trigger(batch.images, {triggers_.front().mask, at}));
      const auto loss = engine::task_loss(logits, batch.labels) *
                        (static_cast<double>(batch.labels.size(0)) / static_cast<double>(all_.samples));
      gradient = gradient + torch::autograd::grad({loss}, {at}).front();
    }
    torch::NoGradGuard no_grad;
    const double steep = gradient.norm().item<double>();
    if (steep == 0) return;
    added = added + gradient * (length / steep);
    if (const double far = added.norm().item<double>(); far > radius) added = added * (radius / far);
  }
}

torch::Tensor CalibrationLoss::along_directions(const torch::Tensor& images) {
  passes_ += images.size(0);
  return workspace_.net().features(images).matmul(directions_.basis.t());
}

torch::Tensor CalibrationLoss::anchored(const Chunk& chunk) {
  return torch::cat({along_directions(chunk.batch.images), along_directions(chunk.mixed)}, 1);
}

/// T(x) of a clean chunk.
torch::Tensor CalibrationLoss::perturbed(const Chunk& chunk, std::size_t index, std::uint64_t draw) const {
  switch (objective_.family) {
    case Family::oracle:
      return chunk.triggered;
    case Family::adversarial:
    case Family::minimax:
      return with_universal_trigger(chunk.batch.images, triggers_.front());
    case Family::blind:
      break;
  }
  auto own = key_;
  own.purpose = base::purpose("calibrate.patches") + (static_cast<std::uint64_t>(index) << 32) + draw;
  base::Stream stream(own);
  return random_patches(chunk.batch.images, stream);
}

/// Of all environments, which the variance needs before any one's share of it is known.
torch::Tensor CalibrationLoss::mean_risk(const Environments& on) {
  torch::NoGradGuard no_grad;
  torch::Tensor sum;
  for (const auto& c : on.chunks) {
    const auto logits = forward(c.batch.images);
    std::int64_t begin = 0;
    for (auto n : c.sizes) {
      add(sum, environment_risk(logits.narrow(0, begin, n), c.batch.labels.narrow(0, begin, n)));
      begin += n;
    }
  }
  return sum / static_cast<double>(on.count);
}

/// A chunk's share of L and of its terms: summed over the chunks they are the whole.
CalibrationLoss::Values CalibrationLoss::share(const Environments& on, std::size_t index, std::uint64_t draw,
                                               bool penalise, const torch::Tensor& mean) {
  const auto& o = objective_;
  const auto& chunk = on.chunks[index];
  const double per_environment = 1.0 / static_cast<double>(on.count);
  const auto logits = forward(chunk.batch.images);
  Values v;
  v.total = torch::zeros({}, logits.options());
  std::int64_t begin = 0;
  for (auto n : chunk.sizes) {
    const auto z = logits.narrow(0, begin, n), y = chunk.batch.labels.narrow(0, begin, n);
    const auto risk = environment_risk(z, y);
    add(v.risk, risk.detach() * per_environment);
    if (o.risk != 0) v.total = v.total + risk * (o.risk * per_environment);
    if (penalise && o.invariance == Invariance::irm)
      add(v.penalty, (o.halves ? irm_penalty_of_halves(z, y) : irm_penalty(z, y)) * per_environment);
    if (penalise && o.invariance == Invariance::vrex) add(v.penalty, variance_share(risk, mean, on.count));
    begin += n;
  }
  if (chunk.clean) {
    const double weight = static_cast<double>(begin) / static_cast<double>(on.samples);
    if (chunk.before.defined()) v.kl = distillation_kl(chunk.before, logits) * weight;
    if (chunk.erased.defined()) v.kd = distillation_kl(chunk.erased, logits) * weight;
    if (penalise && o.invariance == Invariance::perturbation) {
      const auto other = forward(perturbed(chunk, index, draw));
      const auto& labels = chunk.batch.labels;
      v.penalty =
          (o.family == Family::minimax
               ? engine::task_loss(other, labels)
               : distillation_kl(engine::log_probabilities(logits.detach(), engine::multi_label(labels)),
                                 other)) *
          weight;
    }
    if (penalise && o.invariance == Invariance::features)
      v.penalty = (anchored(chunk) - chunk.anchored).square().sum() *
                  (weight / (2 * directions_.scale * static_cast<double>(chunk.rows())));
    if (penalise && o.invariance == Invariance::difference) {
      const auto& pattern = triggers_[static_cast<std::size_t>(draw % triggers_.size())];
      v.penalty = engine::task_loss(forward(with_universal_trigger(chunk.batch.images, pattern)),
                                    chunk.batch.labels) *
                  weight;
    }
  }
  if (o.beta != 0 && v.kl.defined()) v.total = v.total + v.kl * o.beta;
  if (o.kd != 0 && v.kd.defined()) v.total = v.total + v.kd * o.kd;
  if (o.lambda != 0 && v.penalty.defined()) v.total = v.total + v.penalty * o.lambda;
  if (o.divisor != 1) v.total = v.total / o.divisor;
  return v;
}

CalibrationLoss::Values CalibrationLoss::evaluate(const Environments& on, std::uint64_t draw,
                                                  bool with_gradients) {
  const bool penalise = objective_.lambda != 0 || !with_gradients;
  torch::Tensor mean;
  if (penalise && objective_.invariance == Invariance::vrex) mean = mean_risk(on);
  torch::AutoGradMode mode(with_gradients);
  if (with_gradients) workspace_.gradients().zero_();
  Values sum;
  for (std::size_t i = 0; i < on.chunks.size(); ++i) {
    auto v = share(on, i, draw, penalise, mean);
    if (with_gradients && v.total.requires_grad()) v.total.backward();
    add(sum.total, v.total.detach());
    add(sum.risk, v.risk);
    if (v.kl.defined()) add(sum.kl, v.kl.detach());
    if (v.kd.defined()) add(sum.kd, v.kd.detach());
    if (v.penalty.defined()) add(sum.penalty, v.penalty.detach());
  }
  return sum;
}

CalibrationLoss::Values CalibrationLoss::at(std::uint64_t draw, bool with_gradients) {
  return evaluate(all_, draw, with_gradients);
}

CalibrationLoss::Values CalibrationLoss::step(std::uint64_t draw) {
  if (objective_.batch == 0) return at(draw, true);
  if (!batches_) batches_.emplace(all_, objective_.batch, least_share(objective_.halves), key_);
  last_ = batches_->next();
  return evaluate(last_, draw, true);
}

CalibrationLoss::Values CalibrationLoss::again(std::uint64_t draw) {
  return evaluate(objective_.batch == 0 ? all_ : last_, draw, true);
}

torch::Tensor CalibrationLoss::reference_penalty() {
  torch::NoGradGuard no_grad;
  const auto other = augmented(all_, key_);
  const bool minimax =
      objective_.invariance == Invariance::perturbation && objective_.family == Family::minimax;
  if (objective_.invariance == Invariance::difference || minimax) {
    torch::Tensor sum;
    for (const auto& c : other.chunks)
      add(sum, engine::task_loss(forward(c.batch.images), c.batch.labels) *
                   (static_cast<double>(c.rows()) / static_cast<double>(2 * all_.samples)));
    return sum;
  }
  if (objective_.invariance == Invariance::features) {
    torch::Tensor sum;
    for (std::size_t i = 0; i < other.chunks.size(); ++i) {
      const auto& clean = all_.chunks[i % all_.clean()].batch.images;
      add(sum, (along_directions(other.chunks[i].batch.images) - along_directions(clean)).square().sum() /
                   (directions_.scale * static_cast<double>(2 * all_.samples)));
    }
    return sum;
  }
  if (objective_.invariance != Invariance::perturbation) return evaluate(other, 0, false).penalty;
  std::vector<torch::Tensor> clean;
  for (std::size_t i = 0; i < all_.clean(); ++i)
    clean.push_back(engine::log_probabilities(forward(all_.chunks[i].batch.images),
                                              engine::multi_label(all_.chunks[i].batch.labels)));
  torch::Tensor sum;
  for (std::size_t i = 0; i < other.chunks.size(); ++i) {
    const auto& chunk = other.chunks[i];
    const double weight = static_cast<double>(chunk.rows()) / static_cast<double>(2 * all_.samples);
    add(sum, distillation_kl(clean[i % clean.size()], forward(chunk.batch.images)) * weight);
  }
  return sum;
}

}  // namespace afu::calibrate
