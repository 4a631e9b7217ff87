#pragma once
#include <torch/types.h>

#include <cstdint>

#include "base/random.hpp"

namespace afu::methods {

/// Of each row a label drawn evenly among the other classes, from the streams (key.seed, key.purpose, row,
/// 0): the same whenever the row comes up. int64, on the device of `labels` [B], as is `rows` [B]; `classes`
/// is 2 or more.
torch::Tensor wrong_labels(const torch::Tensor& labels, const torch::Tensor& rows, std::int64_t classes,
                           const base::StreamKey& key);

}  // namespace afu::methods
