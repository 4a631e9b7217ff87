#pragma once
/// What a network is made for. No torch in this header.
#include <cstdint>

namespace afu::model {

struct InputShape {
  std::int64_t channels = 1, height = 28, width = 28, classes = 2;
};

}  // namespace afu::model
