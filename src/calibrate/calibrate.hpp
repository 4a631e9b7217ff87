#pragma once
/// The server-side calibration of AFU-IC: kernel "calibrate".
#include "engine/kernel_job.hpp"
#include "engine/workspace.hpp"
#include "job/job.hpp"

namespace afu::calibrate {

/// SGD or Adam from a version on held-out data, in eval mode, on the objective of calibrate/objective.hpp;
/// each job begins with fresh momentum. With several stages it begins at base - e and takes e / stages before
/// the first step of each: a whole e can leave a network whose units no gradient reaches. A step takes the
/// whole set, or the next minibatch, with its share of every environment (calibrate/environments.hpp);
/// figures are always of the whole set. The Fisher anchor is no term of L: it pulls by fisher * F
/// (w - w_erased) in the gradient, or as a proximal step w <- (w + lr s F w_erased)/(1 + lr s F).
///
/// inputs   {base, before, erased, F, e}: the version; whose outputs are to be kept (w before the erasure
///          merged); the model right after (kd, fisher > 0); its Fisher information (fisher > 0); the
///          erasure, which the result is compared with. The last three may be null or absent where they are
///          not needed.
/// samples  one set an environment; empty ones are left out
/// numbers  the adversarial family's trigger (kernel "adversarial_trigger")
/// settings steps, stages (1 to steps; more than one need e), and calibration_values()
/// outputs  {the sum of the steps}, to be added to the base
/// figures  loss, risk, kl, kd, penalty, each _before (of the base) and _after (absent where it is no part
///          of L); risk_reference: mean_e R_e of `before`; penalty_reference, where the setting `sunset`
///          asks for it: what penalty_before would be under harmless augmentations (calibration_loss.hpp);
///          norm of the output; cosine: cos(output, -e); steps
job::JobResult calibrate(engine::Workspace& workspace, const job::KernelJob& job);

}  // namespace afu::calibrate
