#pragma once
/// Held-out matching at the target (README.md, Held-out matching), as it is asked for.
#include <cstdint>

#include "engine/sgd_settings.hpp"
#include "job/job.hpp"

namespace afu::methods {

struct MatchJob {
  static constexpr const char* name = "match_held_out";
  model::ParametersPtr base;  ///< the current version
  base::IndicesPtr forget;    ///< D_f
  base::IndicesPtr held_out;  ///< the target's samples that are never trained on
  engine::SgdSettings sgd;
  std::int64_t steps = 0;
};
AFU_FIELDS(MatchJob, base, forget, held_out, sgd, steps)

/// A model that never saw D_f answers it as it answers the target's other samples. So the target takes steps of SGD, in
/// eval mode, down (mean CE on D_f - level)^2, the level being the mean CE of the model it starts from on held-out
/// samples of the same kind: up where the model still knows D_f, down where the erasure went too far. Each step takes
/// all of D_f, since the square of a mean is no mean of squares.
/// Output 0: the difference to the base. Figures: level; loss_before, loss_after: the mean CE on D_f (loss_before
/// where there are steps). Throws std::invalid_argument without a base, or samples of either kind.
job::JobResult run(engine::Workspace& workspace, const MatchJob& job);

}  // namespace afu::methods
