#pragma once
#include <torch/types.h>

namespace afu::methods {

/// Moves `w` to the nearest point of the ball around `centre`, in place. No host synchronisation.
void project_onto_ball(torch::Tensor& w, const torch::Tensor& centre, double radius);

}  // namespace afu::methods
