#pragma once
/// How much of a ledger's entry is subtracted, by layer (src/methods/afu_ic/README.md, Gain by layer): kernel
/// "layer_gains".
#include <cstdint>
#include <vector>

#include "engine/kernel_job.hpp"
#include "engine/workspace.hpp"
#include "job/job.hpp"

namespace afu::calibrate {

/// The nearest gains to `wanted`, by the distance sum_l a_l (c_l - wanted_l)^2, with sum_l a_l c_l = mean *
/// sum_l a_l and low <= c_l <= high. Needs low <= mean <= high; layers with a_l = 0 get the mean.
std::vector<double> project_gains(const std::vector<double>& wanted, const std::vector<double>& a,
                                  double mean, double low, double high);

/// c_l for each layer that minimise mean_e R_e + beta * KL(p_w || p) of w - sum_l c_l S_l on held-out data,
/// while the mean gain, weighted by |S_l|^2, stays `gain`: what is erased is only moved from layers where it
/// costs to layers where it does not. Projected gradient descent; the best of its steps counts.
/// inputs   {w, S}
/// samples  one set an environment
/// settings gain; spread: c_l stays within gain * (1 -+ spread); gain_steps; calibration_values()
/// numbers  c_l, in the layout's order of layers
/// outputs  {-sum_l c_l S_l}
/// figures  loss_uniform, loss: L with one gain, and with these
job::JobResult layer_gains(engine::Workspace& workspace, const job::KernelJob& job);

}  // namespace afu::calibrate
