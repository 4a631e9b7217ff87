#pragma once
/// The folder of one run (DESIGN.md, "A run's folder").
#include <array>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace afu::record {

/// The output folder cannot be used: a user's error, not a failed run.
struct RunFolderError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Every file a run may write, by its plain name. What is written must stand here, so that `force` removes
/// it.
inline constexpr std::array<std::string_view, 12> run_files{
    "scenario.toml",      "metrics.csv",        "events.jsonl",       "trace.json",
    "model.pt",           "summary.json",       "attacks.csv",        "calibrations.csv",
    "snapshot_before.pt", "snapshot_merged.pt", "snapshot_plus16.pt", "snapshot_final.pt"};

class RunFolder {
 public:
  /// Makes `path` ready for a run, creating it and its parents. A folder that holds any of `run_files` is
  /// refused unless `force`, which removes exactly those files and nothing else. The folder is then claimed
  /// by an empty scenario.toml, created exclusively (of two runs that start at once, one is refused): write
  /// the resolved scenario there next. Throws RunFolderError.
  static RunFolder create(const std::filesystem::path& path, bool force);

  /// The path of one of `run_files`. Throws std::logic_error for any other name: nothing else belongs in the
  /// folder.
  std::filesystem::path path(std::string_view name) const;
  const std::filesystem::path& root() const { return root_; }

 private:
  explicit RunFolder(std::filesystem::path root) : root_(std::move(root)) {}
  std::filesystem::path root_;
};

}  // namespace afu::record
