#pragma once
/// Backdoor triggers, for verifying that a client was forgotten (src/data/README.md, Triggers).
#include <cstdint>

#include "config/scenario_fwd.hpp"
#include "data/dataset.hpp"
#include "data/target_label.hpp"

namespace afu::data {

/// Draws the trigger on one image, C x H x W, or volume, C x depth x H x W. `patch`: a white square of `size` pixels in the
/// bottom right corner, of a volume a cube in that corner of its last slices; `checkerboard`: the same square or cube with
/// white and black pixels alternating; `blend`: (1 - opacity) x + opacity s, where s is a sinusoid along the rows with six
/// periods, the same in all slices of a volume (Barni, Kallas, Tondi 2019); `noise`: (1 - opacity) x + opacity r, r uniform
/// random pixels, the same for every image, scenario and seed (blended injection, Chen et al. 2017); `warp`: x read where a
/// smooth field points to, between pixels bilinearly (WaNet, Nguyen and Tran 2021): along either axis numbers drawn from -1 to
/// 1 on warp_grid x warp_grid points, divided by the mean of their amounts, bicubic between the points, times warp_strength /
/// H in coordinates from -1 to 1, the same for every image, scenario and seed; what would lie outside is read at the border.
/// Throws DataError where the square or cube does not fit, the trigger has no such name, or a volume is to be warped: WaNet's
/// field is one of images.
void apply_trigger(std::uint8_t* pixels, std::int64_t channels, std::int64_t height, std::int64_t width,
                   const config::Backdoor& backdoor, std::int64_t depth = 1);

/// A trigger of another family, to be planted nowhere: how often an image is answered with the target label
/// because of just any mark. "blend" for what is drawn in a corner, else "patch".
config::Backdoor control_trigger(const config::Backdoor& backdoor);

/// Throws DataError where a positive `fraction` of the rows of `train` that do not have the target label rounds to none.
void check_poison_share(const Indices& train, const std::vector<std::int64_t>& labels,
                        const TargetLabel& target, double fraction, std::int64_t client);

/// The rows to poison: `fraction` (rounded, at least one where the fraction is positive) of those of
/// `train` that do not have the target label. Ascending. Throws DataError where there are none.
Indices rows_to_poison(const Indices& train, const std::vector<std::int64_t>& labels,
                       const TargetLabel& target, double fraction, std::uint64_t seed, std::int64_t client);

}  // namespace afu::data
