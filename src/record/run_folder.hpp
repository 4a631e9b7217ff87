#pragma once
/// The folder of one run.
#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/input_error.hpp"

namespace afu::record {

/// The output folder cannot be used: a user's error, not a failed run.
struct RunFolderError : InputError {
  using InputError::InputError;
};

/// Every file a run may write, by its plain name. What is written must stand here, so that `force` removes
/// it.
inline constexpr std::array<std::string_view, 22> run_files{
    "files.json",         "scenario.toml",      "metrics.csv",        "requests.csv",      "events.jsonl",
    "trace.json",         "model.pt",           "summary.json",       "attacks.csv",       "calibrations.csv",
    "snapshot_before.pt", "snapshot_merged.pt", "snapshot_plus16.pt", "snapshot_final.pt", "audit/run.json",
    "audit/data.npz",     "audit/initial.npz",  "audit/jobs.jsonl",   "audit/updates.npz", "audit/final.npz",
    "clients.csv",        "checkpoint.afu"};

/// By which a run that was stopped goes on (lane/checkpoint_file.hpp); gone once it is complete.
inline constexpr std::string_view checkpoint_name = "checkpoint.afu";

class FolderLock;

/// Copies are the same folder: its lock ends with the last of them.
class RunFolder {
 public:
  /// The folder at `path`, as far as can be told without touching anything: a folder that holds any of
  /// `run_files` is refused unless `force`, and so is what can be no folder or cannot be written to. What a process that
  /// ended before its run began has left (an empty scenario.toml) is no run. A study's folder is refused with `force` too. Throws
  /// RunFolderError.
  static RunFolder examine(const std::filesystem::path& path, bool force);

  /// Likewise, of a folder whose run goes on: `claim` then keeps what that has written, all but what stands for its end
  /// (files.json, summary.json and the models). Throws RunFolderError.
  static RunFolder examine_to_go_on(const std::filesystem::path& path);

  /// Makes the folder ready for a run, creating it and its parents, and locks it (FolderLock): one that
  /// another process is writing is refused, with `force` too. With `force` exactly the `run_files` in it (and
  /// what a killed writer left of one, `.part`) are removed. The folder is then claimed by an empty
  /// scenario.toml: write the resolved scenario there next. To be called once all of the run's input was
  /// found usable. Throws RunFolderError.
  void claim();

  /// Both in one.
  static RunFolder create(const std::filesystem::path& path, bool force);

  /// The path of one of `run_files`. Throws std::logic_error for any other name: nothing else belongs in the
  /// folder.
  std::filesystem::path path(std::string_view name) const;
  const std::filesystem::path& root() const { return root_; }
  /// The folder of the files in audit/, made where it is not there. Throws std::runtime_error.
  std::filesystem::path audit() const;

 private:
  enum class Held { refused, replaced, kept };
  RunFolder(std::filesystem::path root, Held held) : root_(std::move(root)), held_(held) {}
  void take_over();
  std::filesystem::path root_;
  Held held_ = Held::refused;         ///< what becomes of a run that the folder holds
  std::shared_ptr<FolderLock> lock_;  ///< once it is claimed
};

}  // namespace afu::record
