#pragma once
/// Erasures computed from what the server remembers of the training.
#include "engine/kernel_job.hpp"
#include "engine/workspace.hpp"
#include "job/job.hpp"

namespace afu::methods {

/// sigma of the Gaussian noise that makes two models whose distance is at most `sensitivity`
/// (epsilon, beta)-indistinguishable: sensitivity / (sqrt(2) (sqrt(ln(1/beta) + epsilon) - sqrt(ln(1/beta))))
/// (FedRecovery, Zhang et al. 2023).
double recovery_sigma(double epsilon, double beta, double sensitivity);

/// "fedrecovery" (Zhang et al. 2023). Inputs: w, then, a round, its start, its end and the target's updates.
/// Numbers: a round, the target's share pi of the round's weight, how many updates follow, and their weights.
/// Output: -scale sum_i p_i delta_i + N(0, sigma^2), delta_i = (sum a_u Delta_u - pi Delta_agg) / (1 - pi),
/// p_i = |Delta_agg,i|^2 / sum_j |Delta_agg,j|^2. Rounds without the target count in p. Settings: scale,
/// sigma, or epsilon with beta and sensitivity; weights "all", or "earlier": the sum in p_i is over j < i,
/// and the first round counts nothing; residual "target", or "retained":
/// delta_i = pi (Delta_agg - sum a_u Delta_u) / (1 - pi), which is what the others left.
job::JobResult fedrecovery(engine::Workspace& workspace, const job::KernelJob& job);

/// "federaser_step" (Liu et al. 2021). Inputs: the calibrated model so far, the clients' new updates, then
/// their stored ones. Numbers: their weights a_k. Settings: norm = "global" or "layer" (tensor by tensor);
/// calibrate = "client": the next calibrated model is M + sum_k a_k |stored_k| new_k / |new_k|, or "mean": M
/// + |stored| new / |new| with the weighted sums of both; printed_factor: the step is divided by the number
/// of clients. Output: that model; its buffers are the weighted mean of the clients'.
job::JobResult federaser_step(engine::Workspace& workspace, const job::KernelJob& job);

}  // namespace afu::methods
