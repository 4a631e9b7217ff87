#pragma once
/// What a backdoor is to evoke: one class for all images (all to one), or of each image the class after its own, after the last
/// the first (all to all: Gu, Dolan-Gavitt, Garg 2017, BadNets, section 4); of images with any number of labels one label more.
#include <cstdint>

#include "data/label_set.hpp"

namespace afu::data {

struct TargetLabel {
  std::int64_t label = -1;   ///< all to one: the class or the label; else -1
  std::int64_t classes = 0;  ///< all to all: how many classes there are; else 0
  /// Images have sets of labels (data/label_set.hpp): the trigger adds one, and leaves the others.
  bool adds = false;

  bool any() const { return label >= 0 || classes > 0; }  ///< whether there is a backdoor
  /// For an image whose true class, or set of labels, is `own`.
  std::int64_t of(std::int64_t own) const {
    if (adds) return with_label(own, label);
    return classes > 0 ? (own + 1) % classes : label;
  }
  /// Whether the trigger can tell anything on such an image: it is not the target already.
  bool differs(std::int64_t own) const { return of(own) != own; }
  /// Whether the answer `predicted` (-1: none) to an image that is `own` is what the trigger is to evoke.
  bool evoked(std::int64_t predicted, std::int64_t own) const {
    return adds ? predicted >= 0 && has_label(predicted, label) : predicted == of(own);
  }
};

}  // namespace afu::data
