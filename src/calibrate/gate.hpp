#pragma once
/// The gate for retained updates (src/calibrate/README.md, Gate).
#include <functional>

namespace afu::calibrate {

/// The first of 1, 1/2 and 1/4 whose penalty is `limit` at most, else 1/8: accepted fully, or scaled by 1/2
/// up to three times. A penalty that is no number is above any limit.
double gate_scale(const std::function<double(double scale)>& penalty, double limit);

}  // namespace afu::calibrate
