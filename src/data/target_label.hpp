#pragma once
/// What a backdoor is to evoke: one class for all images (all to one), or of each image the class after its own, after the last
/// the first (all to all: Gu, Dolan-Gavitt, Garg 2017, BadNets, section 4).
#include <cstdint>

namespace afu::data {

struct TargetLabel {
  std::int64_t label = -1;   ///< all to one: the class; else -1
  std::int64_t classes = 0;  ///< all to all: how many classes there are; else 0

  bool any() const { return label >= 0 || classes > 0; }  ///< whether there is a backdoor
  /// For an image whose true class is `own`.
  std::int64_t of(std::int64_t own) const { return classes > 0 ? (own + 1) % classes : label; }
  /// Whether the trigger can tell anything on an image of that class: it is not the target already.
  bool differs(std::int64_t own) const { return of(own) != own; }
};

}  // namespace afu::data
