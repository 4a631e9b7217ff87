#pragma once
/// The directions in which an erasure moved the penultimate features (src/calibrate/README.md, Features).
#include <torch/types.h>

#include <vector>

namespace afu::calibrate {

struct FeatureDirections {
  torch::Tensor basis;  ///< [r, F], orthonormal rows
  double scale = 1;     ///< mean squared length, along them, of what the erasure did to the features
};

/// As numbers of a job: r, the scale, then the rows.
std::vector<double> to_numbers(const FeatureDirections& directions);
/// On the images' device. Throws std::invalid_argument where the numbers are not those of one direction or more.
FeatureDirections directions_of(const std::vector<double>& numbers, const torch::Tensor& images);

}  // namespace afu::calibrate
