#pragma once
/// Runs the cells of a study, several at a time, in one process.
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "study/plan.hpp"

namespace afu::cli {

/// What has been done so far; times in real seconds.
struct StudyProgress {
  std::size_t cells = 0, done = 0, failed = 0, running = 0;
  double elapsed = 0, eta = 0;  ///< eta: 0 until it can be known
};

struct StudyOptions {
  std::filesystem::path folder;
  int jobs = 0;                            ///< cells at a time; 0: as many as cores
  std::uint64_t cache_bytes = 2ull << 30;  ///< of results kept for the cells of one group
  bool force = false;                      ///< run every cell again
  const std::atomic<bool>* interrupt = nullptr;
  /// Called from the runners' threads, one at a time: after a cell has ended, with its folder and why it
  /// failed (empty: it did not).
  std::function<void(const StudyProgress&, const std::string& cell, const std::string& failure)> ended;
};

struct StudyOutcome {
  std::size_t ran = 0, kept = 0;  ///< run now; complete already
  std::vector<std::string> failures;
  std::uint64_t jobs_computed = 0, jobs_shared = 0;  ///< of pasts: computed, and found computed
  bool interrupted = false;
};

/// Takes `options.folder` for the study: writes study.json and study.toml. A folder that holds the same study
/// is gone on with; one that holds another is refused (record::RunFolderError), with `force` too.
void claim_study_folder(const study::Plan& plan, const StudyOptions& options, const std::string& command);

/// Whether the cell's folder holds a complete run.
bool is_complete(const std::filesystem::path& cell_folder);

/// Runs all cells that are not complete. Those of a group share the results of what they have in common: all
/// training up to the first request. A cell that fails leaves failure.txt and does not stop the others.
StudyOutcome run_cells(const study::Plan& plan, const StudyOptions& options);

}  // namespace afu::cli
