#pragma once
/// What a network costs, measured on one dry run: so that it holds for a user's own module too.
#include <cstdint>

#include "model/model.hpp"

namespace afu::model {

/// Rough bytes one lane needs to train with batches of `batch` samples: parameters, gradients, momentum, the
/// version it started from and its result; activations and their gradients; an allowance for the
/// convolutions' scratch memory. `recorded`: and for CUDA graphs, whose activations are in memory of their
/// own, as are copies of a job's base, anchor, Fisher diagonal and mask.
std::int64_t bytes_per_lane(const config::ModelSection& section, const InputShape& shape, std::int64_t batch,
                            bool recorded = false);

/// Floating-point operations a sample of a training step takes, forward and backward (twice the forward's),
/// counting convolutions and matrix products, a multiply-add as two.
double flops_per_sample(const config::ModelSection& section, const InputShape& shape);

}  // namespace afu::model
