#pragma once
/// What a study's folder holds, held against what the study asks for.
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "record/folder_lock.hpp"
#include "study/plan.hpp"

namespace afu::cli {

struct CellState {
  enum class Kind {
    open,      ///< never ran, was interrupted, or failed: `why`
    complete,  ///< nothing is to be done
    damaged,   ///< a file is missing or not as the run left it: `why`; it is run anew
    changed    ///< it ran from another scenario or other data than the study gives it now: `why`
  };
  Kind kind = Kind::open;
  std::string why;
  std::string revision;  ///< of the program that ran it, where it is complete
};

struct StudyFolder {
  std::vector<CellState> cells;  ///< of the plan's
  /// Why the study cannot go on here, in full; empty: it can.
  std::string refusal;
  /// What the user should know: cells that are of no use any more, cells of another revision of this program.
  std::vector<std::string> notes;
  std::size_t count(CellState::Kind kind) const;
};

/// Reads and touches nothing. `rerun_changed`: cells that changed are no reason to refuse.
StudyFolder examine(const study::Plan& plan, const std::filesystem::path& folder, bool rerun_changed);

/// One of them alone, as it is now; `folder`: the study's.
CellState examine_cell(const study::Cell& cell, const std::filesystem::path& folder);

/// Takes `folder`, which is created, for this process alone, or for all that share it. Throws record::RunFolderError where
/// another is writing it, or writing it alone.
std::unique_ptr<record::FolderLock> lock_study_folder(
    const std::filesystem::path& folder,
    record::FolderLock::Sharing sharing = record::FolderLock::Sharing::alone);

/// Whether study.json is there and tells of another study than `plan`, but for the command.
bool is_of_another_form(const study::Plan& plan, const std::filesystem::path& folder);

/// Writes study.json and study.toml. Others who write the same at the same time do no harm.
void write_manifest(const study::Plan& plan, const std::filesystem::path& folder, const std::string& command);

/// How the run in `run_folder` ended (record::Summary::ended), by its summary; empty: that does not say.
std::string ending_of(const std::filesystem::path& run_folder);

/// Whether a cell's folder tells of a run that ended as it should; its files are not looked at.
bool has_completed(const std::filesystem::path& cell_folder);

}  // namespace afu::cli
