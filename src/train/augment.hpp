#pragma once
/// Training images, changed a little each time that they are seen, so that the network does not learn them by
/// heart.
#include <torch/types.h>

#include "base/random.hpp"
#include "config/augmentation.hpp"

namespace afu::train {

/// The images of one job, batch by batch: what happens to an image depends on the job's key and on how many
/// came before it in the job, not on the batches, the lane or the device.
class Augmenter {
 public:
  /// `job_key`: the job's own; the changes have a stream of their own beside the order's.
  Augmenter(const config::Augmentation& settings, const base::StreamKey& job_key);

  /// The next images [B, C, H, W] as the network reads them, from -1 to 1, changed: mirrored, turned, scaled
  /// and shifted in one bilinear interpolation, what comes in from outside being the edge's pixels; then
  /// mean + gain * (x - mean) + 2 * brightness, cut off at -1 and 1. Every amount is uniform in its range.
  /// Volumes [B, C, D, H, W] are turned in the plane of their slices, and scaled and shifted along all three axes, trilinearly.
  /// `images` itself where there is nothing to change. Throws std::invalid_argument for another number of
  /// dimensions.
  torch::Tensor operator()(const torch::Tensor& images);

 private:
  config::Augmentation settings_;
  base::Stream stream_;
};

}  // namespace afu::train
