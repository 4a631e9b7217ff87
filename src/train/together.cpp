#include "train/together.hpp"

#include <tuple>

namespace afu::train {
namespace {

auto optimiser(const compute::SgdSettings& s) {
  return std::tie(s.lr, s.momentum, s.weight_decay, s.clip_norm, s.prox_mu, s.max_delta);
}

/// As Schedule counts them.
std::int64_t steps_of(const compute::TrainJob& job) {
  if (job.steps > 0) return job.steps;
  return job.epochs * ((static_cast<std::int64_t>(job.samples->size()) - 1) / job.batch_size + 1);
}

}  // namespace

bool may_be_batched(const compute::TrainJob& job) {
  return job.base && job.samples && !job.samples->empty() && job.batch_size > 0 && !job.extras &&
         !job.auxiliary;
}

bool fit_together(const compute::TrainJob& a, const compute::TrainJob& b) {
  if (!may_be_batched(a) || !may_be_batched(b) || a.batch_size != b.batch_size ||
      optimiser(a.sgd) != optimiser(b.sgd))
    return false;
  const auto first = steps_of(a), second = steps_of(b);
  return first <= 2 * second && second <= 2 * first;
}

}  // namespace afu::train
