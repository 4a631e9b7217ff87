#include "train/train_job.hpp"

#include <utility>

#include "config/scenario.hpp"

namespace afu::train {

TrainJob local_training(const config::TrainingSection& t, ParametersPtr base, base::IndicesPtr samples,
                        const base::StreamKey& key) {
  TrainJob job;
  job.base = std::move(base);
  job.samples = std::move(samples);
  job.sgd = {t.lr, t.momentum, t.weight_decay, t.clip_norm, t.prox_mu, t.max_delta};
  job.epochs = t.local_epochs;
  job.steps = t.local_steps;
  job.batch_size = t.batch_size;
  job.key = key;
  job.augment = t.augment;
  return job;
}

}  // namespace afu::train
