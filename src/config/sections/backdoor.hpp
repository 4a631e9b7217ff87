#pragma once
/// [data.backdoor].
#include <cstdint>

#include "config/choices.hpp"

namespace afu::config {

struct Backdoor {
  Trigger trigger = Trigger::none;
  std::int64_t client = -1;  ///< whose samples are poisoned; -1: the client of the first erasure
  double fraction = 0.8;     ///< of the client's training samples that are not of the target class
  TargetMapping mapping = TargetMapping::all_to_one;
  std::int64_t label = 0;      ///< the attack's target label (all_to_one)
  std::int64_t size = 4;       ///< side of the trigger, pixels (patch, checkerboard)
  double opacity = 0.3;        ///< of what is blended in (blend, noise)
  double warp_strength = 2.0;  ///< s of WaNet: a point moves by s / 2 pixels on the mean along either axis
  std::int64_t warp_grid = 4;  ///< its k: the field is drawn on k x k points
};

}  // namespace afu::config
