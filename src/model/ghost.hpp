#pragma once
/// Vectors that a run which goes on had before and does not hold any more. No torch in this header.
#include <cstdint>

#include "model/parameters_fwd.hpp"

namespace afu::model {

/// A vector of so many bytes (byte_size) without values: it can be passed on and counted. Whoever reads it gets an
/// exception. 0 bytes: null.
ParametersPtr ghost(std::int64_t bytes);
bool is_ghost(const ParametersPtr& p);  ///< null is none

/// The same values under a pointer of its own, which lives as long as those who hold it. Null is null.
ParametersPtr alias(const ParametersPtr& p);

}  // namespace afu::model
