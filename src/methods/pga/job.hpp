#pragma once
/// PGA's local erasure (Halimi et al. 2022), as it is asked for.
#include <cstdint>
#include <optional>

#include "engine/combine_job.hpp"
#include "engine/sgd_settings.hpp"
#include "job/job.hpp"

namespace afu::methods {

struct PgaJob {
  static constexpr const char* name = "pga";
  model::ParametersPtr base;      ///< w, the current version
  engine::Combination reference;  ///< w_ref, the model without the target's contribution
  /// w_last, the target's last local model; none: no stop by distance.
  std::optional<engine::Combination> last{};
  base::IndicesPtr forget;
  engine::SgdSettings sgd;
  std::int64_t epochs = 5, batch_size = 32;
  std::int64_t max_steps = 0;  ///< 0: no limit
  double radius_frac = 0.577;
  double stop_factor = 0, stop_distance = 0, stop_accuracy = 0;  ///< 0: off
  base::IndicesPtr validation;                                   ///< rows, where stop_accuracy is above 0
  base::StreamKey key;                                           ///< order of the samples, random models
};
AFU_FIELDS(PgaJob, base, reference, last, forget, sgd, epochs, batch_size, max_steps, radius_frac,
           stop_factor, stop_distance, stop_accuracy, validation, key)

/// Gradient ascent on the forget set's cross entropy from w_ref, projected after each step onto the ball around w_ref
/// whose radius is radius_frac times the root mean square distance of w_ref to 10 random initialisations. Eval mode.
/// Stops before `epochs` are over after max_steps steps, or when |w - w_last|^2 exceeds stop_factor times
/// |w_ref - w_last|^2, or stop_distance, or when the accuracy on the validation rows falls below stop_accuracy.
/// Outputs: w_u - base, to be merged; w_u. Figures: radius, distance (|w_u - w_ref|), steps. Throws
/// std::invalid_argument without a base, w_ref, samples, or validation rows that are asked for, and where radius_frac is
/// not above 0.
job::JobResult run(engine::Workspace& workspace, const PgaJob& job);

}  // namespace afu::methods
