#pragma once
/// How long a study will take, before it is run.
#include "cli/study_runner.hpp"
#include "study/plan.hpp"

namespace afu::cli {

struct StudyEstimate {
  std::size_t complete = 0;
  int jobs = 1;
  double gradients = 0, shared_gradients = 0;  ///< sample gradients to compute; taken over from shared pasts
  double samples_per_second = 0;               ///< sample gradients of one lane, measured here
  double seconds = 0;
};

/// Plays one cell of every arm and axis value in timing-only execution, which tells how many sample gradients
/// it takes, and measures for about a second how fast one lane trains the model. A forward pass counts as a
/// third of a gradient.
StudyEstimate estimate(const study::Plan& plan, const StudyOptions& options);

}  // namespace afu::cli
