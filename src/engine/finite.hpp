#pragma once
/// Whether what a job made is finite: looked at on the lane, right behind the job, while it is in the cache.
#include <torch/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "job/job.hpp"
#include "model/parameters.hpp"

namespace afu::engine {

/// No infinity and no NaN. Large values are finite, however large.
bool all_finite(const float* values, std::int64_t count);

/// Of each vector (values and buffers) whether all of it is finite. On a GPU the work is queued behind what
/// makes the vectors, and the answer is there once the device has done it.
class FiniteCheck {
 public:
  FiniteCheck() = default;
  explicit FiniteCheck(const std::vector<model::ParametersPtr>& vectors);
  /// To be called when the device has done all that was queued.
  bool finite(std::size_t vector) const;
  std::optional<std::size_t> first_not_finite() const;

 private:
  std::vector<bool> finite_;  ///< of vectors on the CPU; true where it is not known yet
  std::vector<std::size_t> asked_;
  torch::Tensor zeros_;  ///< of each asked one 0 times its sum, on the host
};

}  // namespace afu::engine
