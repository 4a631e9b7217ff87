#include "train/together.hpp"

#include <tuple>

#include "engine/sgd_settings.hpp"
#include "train/schedule.hpp"
#include "train/train_job.hpp"

namespace afu::train {
namespace {

auto optimiser(const engine::SgdSettings& s) {
  return std::tie(s.lr, s.momentum, s.weight_decay, s.clip_norm, s.prox_mu, s.max_delta);
}

std::int64_t steps_of(const TrainJob& job) {
  return count_steps(static_cast<std::int64_t>(job.samples->size()), job.batch_size, job.epochs, job.steps);
}

}  // namespace

bool may_be_batched(const TrainJob& job) {
  return job.base && job.samples && !job.samples->empty() && job.batch_size > 0 && !job.extras &&
         !job.auxiliary && !job.augment.any() && !job.balanced && job.shards.empty();
}

bool fit_together(const TrainJob& a, const TrainJob& b) {
  if (!may_be_batched(a) || !may_be_batched(b) || a.batch_size != b.batch_size ||
      optimiser(a.sgd) != optimiser(b.sgd) || !(a.adam == b.adam))
    return false;
  const auto first = steps_of(a), second = steps_of(b);
  return first <= 2 * second && second <= 2 * first;
}

}  // namespace afu::train
