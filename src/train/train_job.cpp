#include "train/train_job.hpp"

#include <utility>

#include "config/scenario.hpp"

namespace afu::train {

std::optional<engine::AdamSettings> adam_of(const config::TrainingSection& t) {
  using Kind = config::LocalOptimiser;
  if (t.optimiser == Kind::sgd) return std::nullopt;
  return engine::AdamSettings{t.beta1, t.beta2, t.epsilon, t.optimiser == Kind::adamw};
}

TrainJob local_training(const config::TrainingSection& t, ParametersPtr base, base::IndicesPtr samples,
                        const base::StreamKey& key, double lr_factor) {
  TrainJob job;
  job.base = std::move(base);
  job.samples = std::move(samples);
  job.sgd = {t.lr * lr_factor, t.momentum, t.weight_decay, t.clip_norm, t.prox_mu, t.max_delta};
  job.epochs = t.local_epochs;
  job.steps = t.local_steps;
  job.batch_size = t.batch_size;
  job.key = key;
  job.augment = t.augment;
  job.adam = adam_of(t);
  job.balanced = t.balanced;
  return job;
}

}  // namespace afu::train
