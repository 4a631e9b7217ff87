#pragma once
/// [training.augment].

namespace afu::config {

/// How far a training image may be changed each time that it is seen; all 0: not at all. See
/// train/augment.hpp.
struct Augmentation {
  bool flip = false;        ///< left and right exchanged, every second time
  double rotate = 0.0;      ///< degrees either way
  double scale = 0.0;       ///< part: the size is between 1 - scale and 1 + scale of it
  double shift = 0.0;       ///< pixels either way, across and down, of volumes along the slices too
  double contrast = 0.0;    ///< part: distances to the image's mean are between 1 - contrast and 1 + contrast
  double brightness = 0.0;  ///< part of the whole range, either way

  bool moves() const { return flip || rotate > 0 || scale > 0 || shift > 0; }
  bool any() const { return moves() || contrast > 0 || brightness > 0; }
};

}  // namespace afu::config
