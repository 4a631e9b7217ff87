#pragma once
/// How much of a ledger's entry is subtracted, by layer (src/methods/afu_ic/README.md, Gain by layer).
#include <cstdint>
#include <vector>

namespace afu::calibrate {

/// The nearest gains to `wanted`, by the distance sum_l a_l (c_l - wanted_l)^2, with sum_l a_l c_l = mean *
/// sum_l a_l and low <= c_l <= high. Needs low <= mean <= high; layers with a_l = 0 get the mean.
std::vector<double> project_gains(const std::vector<double>& wanted, const std::vector<double>& a,
                                  double mean, double low, double high);

}  // namespace afu::calibrate
