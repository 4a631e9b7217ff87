#pragma once
/// Model parameters as one flat contiguous tensor, buffers (BatchNorm statistics) as a second one.
#include <torch/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/parameters_fwd.hpp"

namespace afu::model {

/// One named tensor of a flat vector.
struct Slot {
  std::string name;
  std::vector<std::int64_t> shape;
  std::int64_t offset = 0;  ///< elements
  std::int64_t size = 0;    ///< elements
};

/// Where each parameter and buffer lies, without gaps. Shared by all versions of a model. Integer buffers
/// (BatchNorm's num_batches_tracked) have no slot: they do not enter the forward pass and cannot be averaged.
struct Layout {
  std::vector<Slot> parameters;
  std::vector<Slot> buffers;
  std::int64_t parameter_count = 0;
  std::int64_t buffer_count = 0;
};

/// Same names, shapes and order: their vectors can be added.
bool operator==(const Layout& a, const Layout& b);
inline bool operator!=(const Layout& a, const Layout& b) { return !(a == b); }

/// The parameter of that name. Throws std::out_of_range where there is none.
const Slot& slot_named(const Layout& layout, const std::string& name);

/// One version of a model, or a difference of two: float32, immutable once published, shared by pointer.
struct ParameterVector {
  std::shared_ptr<const Layout> layout;
  torch::Tensor values;   ///< [parameter_count], float32
  torch::Tensor buffers;  ///< [buffer_count], float32; may be empty
};

/// Whether all values and buffers are finite.
bool is_finite(const ParameterVector& p);

}  // namespace afu::model
