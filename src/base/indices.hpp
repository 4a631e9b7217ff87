#pragma once
#include <cstdint>
#include <memory>
#include <vector>

namespace afu::base {

/// Row numbers of a pool of images; shared, immutable.
using Indices = std::vector<std::int64_t>;
using IndicesPtr = std::shared_ptr<const Indices>;

}  // namespace afu::base
