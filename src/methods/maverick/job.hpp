#pragma once
/// Maverick's local erasure (Ong, Chan 2025), as it is asked for.
#include <cstdint>

#include "methods/forget_training.hpp"

namespace afu::methods {

struct MaverickJob {
  static constexpr const char* name = "maverick";
  ForgetTraining training;
  double min_sigma = 0.05, max_sigma = 1;  ///< of the noise, on images in [-1, 1]
  std::int64_t draws = 1;                  ///< of noise, for each batch
};
AFU_FIELDS(MaverickJob, training, min_sigma, max_sigma, draws)

/// The target descends, in eval mode, the sensitivity of its answers to what is to be forgotten: the mean over the images x and
/// the draws of |z(x) - z_0(x + e)| / |e|, z the logits, z_0 those of the model that it begins with, e noise N(0, sigma^2) with
/// sigma uniform from min_sigma to max_sigma, a draw a batch. Output 0: the difference to the base. Figure "loss": its mean of
/// the last epoch. Throws std::invalid_argument without a base or samples.
job::JobResult run(engine::Workspace& workspace, const MaverickJob& job);

}  // namespace afu::methods
