#pragma once
/// Several processes that work on one study, on one machine or on many that share a folder.
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "cli/study_folder.hpp"
#include "cli/study_runner.hpp"
#include "study/plan.hpp"

namespace afu::cli {

/// The part `index` of `count` of a study's groups, from 1.
struct Shard {
  std::size_t index = 1, count = 1;
  bool has(std::size_t group) const { return group % count == index - 1; }
};

/// "2/8". Throws UsageError for what is no such part.
Shard parse_shard(const std::string& text);

/// What a group's lease is called: it names its cells' axes and seed, and is the same in all processes.
std::vector<std::string> lease_names(const study::Plan& plan);

/// This process to others: "process 12 on node3, task 4 of Slurm job 99".
std::string holder_name();

/// The folder of leases (record/lease.hpp) in a study's.
std::filesystem::path lease_folder(const std::filesystem::path& study);

struct WorkerOptions {
  Shard shard;
  bool leave = false;    ///< end when nothing is to be had, though others still work
  double patience = 60;  ///< seconds without a sign of life after which a worker counts as dead
};

/// Cells of a whole study, by their folders.
struct CellCounts {
  std::size_t complete = 0, failed = 0;
};
CellCounts count_cells(const study::Plan& plan, const std::filesystem::path& folder);

struct WorkerOutcome {
  StudyOutcome study;
  CellCounts now;                  ///< of the whole study
  std::size_t held_by_others = 0;  ///< groups
  bool whole = false;              ///< every cell of the study is complete or has failed
};

/// How many sixths of `patience` a worker lets pass before it shows that it lives.
inline constexpr int beats_of_patience = 6;

/// Takes the study's groups one after the other, as long as any of its shard are open: by a lease each, so that none is computed
/// twice. Groups whose worker died are taken over, in the middle of a cell where it left a checkpoint. Where only others' are
/// left, waits for them, unless it is to leave. A cell that fails is not tried again by those who were there. Throws as
/// run_cells, and RunFolderError where the folder of leases cannot be written.
WorkerOutcome work(const study::Plan& plan, const StudyFolder& held, StudyOptions options,
                   const WorkerOptions& worker);

/// Throws record::RunFolderError where the study's folder holds another form of it (other cells, arms or claims) while groups of
/// that are held: workers of two forms would compute the same cells.
void refuse_another_form(const study::Plan& plan, const std::filesystem::path& folder);

/// Writes the report where no other process is just doing so; false: another is, or died in it.
bool in_turn(const std::filesystem::path& study, const std::function<void()>& write_report);

}  // namespace afu::cli
