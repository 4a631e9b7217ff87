#pragma once
/// What the calibrator does to images: the families T (src/calibrate/README.md, Perturbation) and the
/// interventions (there, Environments). Images are [B, C, H, W], volumes [B, C, D, H, W], float32, from -1 (black)
/// to 1; every function returns new ones on the same device.
#include <torch/types.h>

#include <vector>

#include "base/random.hpp"
#include "config/scenario_fwd.hpp"

namespace afu::calibrate {

/// A1, blind: on each image, with a shape, place and intensity of its own, a square (side 4 to 20 % of the
/// width), a line (20 to 60 % long, 4 % thick) or an L in a corner (arms of 8 to 25 %, 4 % thick); with
/// probability 1/2 a second one. On a volume a cube, a bar along one of the three axes, or three arms that meet in a corner.
torch::Tensor random_patches(const torch::Tensor& images, base::Stream& stream);

/// A0, oracle: the scenario's own trigger, as data::apply_trigger draws it. An upper bound, no method.
torch::Tensor with_trigger(const torch::Tensor& images, const config::Backdoor& trigger);

/// One for all images: (1 - m) x + q, kept in range. A masked pattern p has q = m p; an additive one m = 0.
struct UniversalTrigger {
  torch::Tensor mask;   ///< m [H, W] or [D, H, W], 0 to 1
  torch::Tensor added;  ///< q [C, H, W] or [C, D, H, W], -1 to 1
};
torch::Tensor with_universal_trigger(const torch::Tensor& images, const UniversalTrigger& trigger);
/// As numbers of a job: the mask's, then what is added.
std::vector<double> to_numbers(const UniversalTrigger& trigger);
/// Of several, one after the other. Throws std::invalid_argument where the numbers are not those of one trigger or more
/// for images of that shape.
std::vector<UniversalTrigger> from_numbers(const std::vector<double>& numbers, const torch::Tensor& images);

/// Of each image with another one: a x_i + (1 - a) x_j, a uniform in [0, 1), j a permutation (mixup's inputs, Zhang et al.
/// 2018).
torch::Tensor mixtures(const torch::Tensor& images, base::Stream& stream);

/// Contrast and brightness of each image: x <- a x + b, a in [0.7, 1.3], b in [-0.3, 0.3], kept in range.
torch::Tensor shifted_intensity(const torch::Tensor& images, base::Stream& stream);

/// A mean over 3 x 3 pixels, of volumes 3 x 3 x 3, then noise of deviation 0.05, kept in range.
torch::Tensor blurred(const torch::Tensor& images, base::Stream& stream);

}  // namespace afu::calibrate
