#pragma once
/// What a model's features still hold, whatever its head makes of it (src/attack/README.md, probe).
#include <torch/types.h>

#include "attack/separation.hpp"
#include "engine/workspace.hpp"

namespace afu::attack {

/// Logistic regression on standardised features [N, F] (the mean loss plus 1e-3 |w|^2, 400 accelerated
/// steps), learnt on the even rows of both, tried on the odd ones. Row i of both belongs to one image, so
/// that no image is on both sides. Throws std::invalid_argument for fewer than two rows or other shapes.
Separation linear_probe(const torch::Tensor& positives, const torch::Tensor& negatives);

/// The probe that tells `triggered` from `clean` images by the replica's features, as it is. Throws as
/// Model::features does.
Separation probe_for_trigger(engine::Workspace& workspace, const data::Indices& triggered,
                             const data::Indices& clean, std::int64_t batch_size);

}  // namespace afu::attack
