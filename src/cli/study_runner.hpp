#pragma once
/// Runs the cells of a study, several at a time, in one process.
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/study_eta.hpp"
#include "study/plan.hpp"

namespace afu::cli {

/// What has been done so far; times in real seconds.
struct StudyProgress {
  std::size_t cells = 0, done = 0, failed = 0, running = 0;
  double elapsed = 0;
  std::optional<TimeRange> left;  ///< none until it can be known
};

struct StudyOptions {
  std::filesystem::path folder;
  int jobs = 0;                            ///< cells at a time; 0: as many as cores
  std::uint64_t cache_bytes = 2ull << 30;  ///< of results kept for the cells of one group
  bool fresh = false;                      ///< cells that were stopped begin anew
  const std::atomic<bool>* interrupt = nullptr;
  const std::atomic<bool>* hurry = nullptr;  ///< as actors::RunOptions has it
  /// So many cells are complete already; absent: all that are not to be run now.
  std::optional<std::size_t> complete{};
  /// Where other processes work on the study too: asked before the first cell of a group is begun, with the cells that are to be
  /// run. What of them still is; none: the group is not to be had, and this call of run_cells leaves it. Called from the
  /// runners' threads, one at a time.
  std::function<std::optional<std::vector<std::size_t>>(std::size_t group,
                                                        const std::vector<std::size_t>& cells)>
      begin_group;
  /// Likewise, after the last of what begin_group gave has ended, also where that was nothing.
  std::function<void(std::size_t group)> end_group;
  /// Called from the runners' threads, one at a time: after a cell has ended, with its folder, why it failed
  /// (empty: it did not), what its run warned of and what it noted.
  std::function<void(const StudyProgress&, const std::string& cell, const std::string& failure,
                     const std::vector<std::string>& warnings, const std::vector<std::string>& notes)>
      ended;
  /// Called a few times a second, never at the same time as `ended`.
  std::function<void(const StudyProgress&)> waiting;
};

struct StudyOutcome {
  std::size_t cells = 0;              ///< of the study
  std::size_t ran = 0;                ///< now
  std::vector<std::string> busy;      ///< cells that another process is writing: left as they are
  std::vector<std::string> failures;  ///< "cells/...: why"
  std::uint64_t jobs_computed = 0, jobs_shared = 0;  ///< of pasts: computed, and found computed
  bool interrupted = false;
};

/// How many of `open` cells run at a time.
int runners_for(std::size_t open, int jobs);

/// Runs the cells `open` of the plan. Those of a group share the results of what they have in common: all
/// training up to the first request. A cell that fails leaves failure.txt and does not stop the others.
/// Throws where no cell can be run: the folder cannot be written (record::RunFolderError), a thread cannot be
/// started (std::runtime_error).
StudyOutcome run_cells(const study::Plan& plan, const StudyOptions& options,
                       const std::vector<std::size_t>& open);

}  // namespace afu::cli
