#pragma once
/// How long a study will take, before it is run.
#include <atomic>
#include <cstddef>
#include <vector>

#include "study/plan.hpp"

namespace afu::cli {

/// Sample gradients of a cell; a forward pass counts as a third of one. 0: nothing is trained.
struct Work {
  /// Of the run, and of it up to the first request, which cells of a group share.
  double whole = 0, past = 0;
};

/// The work of every cell of `which`, in that order: one cell of every arm and axis value is played in
/// timing-only execution. Ends early, with what it has, once `interrupt` is set.
std::vector<Work> work_of_cells(const study::Plan& plan, const std::vector<std::size_t>& which,
                                const std::atomic<bool>* interrupt = nullptr);

struct StudyEstimate {
  int jobs = 1;
  double gradients = 0, shared_gradients = 0;  ///< sample gradients to compute; taken over from shared pasts
  double samples_per_second = 0;               ///< sample gradients of one lane, measured here
  double seconds = 0;                          ///< 0: nothing is trained
};

/// Of the cells `open`, by their work and by how fast one lane trains the model, which is measured for about
/// a second.
StudyEstimate estimate(const study::Plan& plan, const std::vector<std::size_t>& open, int jobs);

}  // namespace afu::cli
