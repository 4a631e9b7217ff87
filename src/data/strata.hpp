#pragma once
/// What a split, a partition and the choice of calibration images keep the mix of: the classes, or, of images with any number
/// of labels, the label sets (src/data/README.md, Any number of labels).
#include <cstddef>
#include <cstdint>
#include <vector>

#include "data/dataset.hpp"

namespace afu::data {

/// A label set that fewer images have is no stratum of its own: all such sets are one.
inline constexpr std::int64_t least_of_stratum = 10;

/// One number an image: its class; of sets of labels those that least_of_stratum images have, numbered from 0 in ascending
/// order of the sets, and then one for all others.
std::vector<std::int64_t> strata(const std::vector<std::int64_t>& labels, std::int64_t label_bits);
inline std::vector<std::int64_t> strata(const Images& images) {
  return strata(images.labels, images.label_bits);
}

/// Of sets of labels how many different ones there are, and how many of these are rare, with their images.
struct LabelSets {
  std::size_t sets = 0, rare = 0;
  std::int64_t rare_images = 0;
};
LabelSets label_sets(const std::vector<std::int64_t>& labels);

}  // namespace afu::data
