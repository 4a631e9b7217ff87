#pragma once

namespace afu::methods {

/// What the profiling round found out about a client, before there are clusters.
struct ClientProfile {
  double seconds = 0;    ///< T_k: from its task being sent to its update's arrival, on the run's clock
  double disparity = 0;  ///< S_k = (1 - cos(mean update of all, its update)) / 2; 0 in timing-only runs
};

}  // namespace afu::methods
