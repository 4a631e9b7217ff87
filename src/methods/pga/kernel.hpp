#pragma once
/// PGA's local erasure (Halimi et al. 2022): kernel "pga".
#include <torch/types.h>

#include "engine/kernel_job.hpp"
#include "engine/workspace.hpp"
#include "job/job.hpp"

namespace afu::methods {

/// Moves `w` to the nearest point of the ball around `centre`, in place. No host synchronisation.
void project_onto_ball(torch::Tensor& w, const torch::Tensor& centre, double radius);

/// Gradient ascent on the forget set's cross entropy from w_ref, projected after each step onto the ball
/// around w_ref whose radius is radius_frac times the root mean square distance of w_ref to 10 random
/// initialisations. Eval mode. Stops before `epochs` are over after max_steps steps, or when |w - w_last|^2
/// exceeds stop_factor times |w_ref - w_last|^2, or stop_distance, w_last being the target's last local
/// model, or when the accuracy on the validation rows falls below stop_accuracy; each where it is above 0.
/// inputs   {base (w at the request), w_ref, w_last or null: no early stop by distance}
/// samples  {forget set; validation rows, where stop_accuracy is above 0}
/// settings lr, momentum, clip_norm (0: off), epochs, max_steps (0: no limit), batch_size, radius_frac,
///          stop_factor, stop_distance, stop_accuracy
/// outputs  {w_u - base, to be merged; w_u, to replace the model}
/// figures  radius, distance (|w_u - w_ref|), steps
job::JobResult pga(engine::Workspace& workspace, const job::KernelJob& job);

}  // namespace afu::methods
