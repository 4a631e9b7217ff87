#pragma once
/// A study as a job of Slurm: an array whose tasks are workers (study_worker.hpp).
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "study/plan.hpp"

namespace afu::cli {

struct SlurmJob {
  std::string study;             ///< its name
  std::string program;           ///< the path of afu
  std::filesystem::path file;    ///< of the study
  std::filesystem::path folder;  ///< its output
  int array = 1;                 ///< tasks
  int cores = 1;                 ///< a task, which runs as many cells at a time
  int gpus = 0;                  ///< a task
  std::uint64_t memory_bytes = 0;
  double seconds = 0;  ///< expected of a task; 0: not known
  double patience = 60;
  bool rerun_changed = false;
  std::string why;  ///< what these needs were estimated from, one line
};

/// The script, for sbatch. Its time limit is twice what is expected, and a quarter of an hour at least. Paths are absolute, and
/// quoted for a shell.
std::string slurm_script(const SlurmJob& job);

/// `job` with the program's path and what a task needs, from the cells `open` of the plan: `jobs` (0: four, or the array's share
/// where that is less) cells at a time, the memory of their images, lanes and of shared results, the time by the pace of one
/// lane of this machine.
SlurmJob with_needs(SlurmJob job, const study::Plan& plan, const std::vector<std::size_t>& open, int jobs,
                    std::uint64_t cache_bytes);

/// Hands `script` to sbatch and prints its answer. Returns the exit status. Throws InputError where there is no sbatch.
int submit(const std::string& script, const std::filesystem::path& folder);

}  // namespace afu::cli
