#pragma once
/// A local training on what is to be forgotten, as several erasures ask for it.
#include <cstdint>
#include <vector>

#include "config/option.hpp"
#include "engine/sgd_settings.hpp"
#include "job/job.hpp"

namespace afu::methods {

struct View;
struct Request;

/// SGD from `base` over the forget set.
struct ForgetTraining {
  model::ParametersPtr base;
  base::IndicesPtr forget;
  engine::SgdSettings sgd;
  std::int64_t epochs = 1, batch_size = 32;
  base::StreamKey key;  ///< order of the samples
};
AFU_FIELDS(ForgetTraining, base, forget, sgd, epochs, batch_size, key)

/// The options lr, momentum, clip_norm, epochs and batch_size.
std::vector<config::Option> forget_training_options(double clip_norm);

/// As those options say, from the current version on the request's samples, in the order of (seed, purpose, client,
/// request).
ForgetTraining forget_training(const View& view, const Request& request, std::uint64_t purpose);

}  // namespace afu::methods
