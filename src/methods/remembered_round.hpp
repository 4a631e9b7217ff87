#pragma once
/// A round as the methods see it that weigh what the target did to each.
#include <cstdint>
#include <utility>
#include <vector>

#include "aggregate/history.hpp"
#include "job/job.hpp"

namespace afu::methods {

struct RememberedRound {
  model::ParametersPtr start, end;                              ///< the versions before and after it
  double share = 0;                                             ///< the target's part of the round's weight
  std::vector<std::pair<double, model::ParametersPtr>> target;  ///< a_u and Delta_u of its merged updates
};
AFU_FIELDS(RememberedRound, start, end, share, target)

/// What `target` did in a round of a history that keeps versions, and updates of clients that may ask.
RememberedRound remembered(const aggregate::HistoryRound& round, std::uint32_t target);

}  // namespace afu::methods
