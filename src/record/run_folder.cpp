#include "record/run_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <vector>

#include "record/folder_lock.hpp"

namespace afu::record {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void refuse(const fs::path& root, const std::string& held) {
  throw RunFolderError(
      fmt::format("output folder '{}' already holds a run ({}): choose another folder, or give --force to "
                  "replace that run",
                  root.string(), held));
}

constexpr std::string_view audit_folder = "audit";

bool in_audit(std::string_view name) { return fs::path(name).parent_path() == audit_folder; }

/// What is no folder in the place of audit/ counts itself; a link does so too, not what it leads to.
std::vector<fs::path> files_of_a_run(const fs::path& root) {
  std::vector<fs::path> found;
  std::error_code ignored;
  const auto audit = fs::symlink_status(root / audit_folder, ignored);
  const bool no_folder = fs::exists(audit) && !fs::is_directory(audit);
  if (no_folder) found.push_back(root / audit_folder);
  for (auto name : run_files) {
    if (no_folder && in_audit(name)) continue;
    // Not followed: a dangling link is something that a run would write through.
    if (fs::exists(fs::symlink_status(root / name, ignored))) found.push_back(root / name);
  }
  return found;
}

void refuse_to_remove_folder(const fs::path& file) {
  std::error_code error;
  if (fs::is_directory(fs::symlink_status(file, error)))
    throw RunFolderError(
        fmt::format("cannot replace '{}': it is a folder, not a file of a run", file.string()));
}

void remove_file(const fs::path& file) {
  refuse_to_remove_folder(file);
  std::error_code error;
  fs::remove(file, error);
  if (error) throw RunFolderError(fmt::format("cannot remove '{}': {}", file.string(), error.message()));
}

/// A process claimed the folder and ended before its run began.
bool never_began(const fs::path& root, const std::vector<fs::path>& held) {
  std::error_code error;
  const auto claim = root / "scenario.toml";
  if (fs::is_symlink(claim) || !fs::is_regular_file(claim, error) || fs::file_size(claim, error) != 0)
    return false;
  return std::all_of(held.begin(), held.end(),
                     [&](const auto& f) { return f == claim || f == root / checkpoint_name; });
}

fs::path folder_named(const fs::path& path) {
  if (path.empty()) throw RunFolderError("the output folder has no name");
  auto root = path;
  if (!root.has_filename()) root = root.parent_path();  // "runs/a/" -> "runs/a"
  std::error_code error;
  const auto status = fs::status(root, error);
  if (fs::exists(status) && !fs::is_directory(status))
    throw RunFolderError(fmt::format("output folder '{}' is not a folder", root.string()));
  return root;
}

/// Whoever runs this could make entries in `root`, or make `root` itself.
void check_writable(const fs::path& root) {
  std::error_code error;
  auto there = root;
  while (!there.empty() && !fs::exists(there, error)) {
    const auto parent = there.parent_path();
    if (parent == there) break;
    there = parent;
  }
  if (there.empty()) there = ".";
  const char* task = there == root ? "write into" : "create";
  if (!fs::is_directory(there, error))
    throw RunFolderError(
        fmt::format("cannot create output folder '{}': '{}' is not a folder", root.string(), there.string()));
  if (::access(there.c_str(), W_OK | X_OK) != 0)
    throw RunFolderError(fmt::format("cannot {} output folder '{}': {}", task, root.string(),
                                     std::generic_category().message(errno)));
}

}  // namespace

RunFolder RunFolder::examine(const fs::path& path, bool force) {
  auto root = folder_named(path);
  std::error_code ignored;
  if (fs::exists(root / "study.json", ignored))
    throw RunFolderError(
        fmt::format("output folder '{}' holds a study (study.json): choose another folder", root.string()));
  const auto held = files_of_a_run(root);
  if (!held.empty() && !force && !never_began(root, held)) {
    std::string names;
    for (const auto& file : held)
      names += (names.empty() ? "" : ", ") + file.lexically_relative(root).string();
    refuse(root, names);
  }
  for (const auto& file : held) refuse_to_remove_folder(file);
  check_writable(root);
  return {std::move(root), force ? Held::replaced : Held::refused};
}

RunFolder RunFolder::examine_to_go_on(const fs::path& path) {
  auto root = folder_named(path);
  check_writable(root);
  return {std::move(root), Held::kept};
}

RunFolder RunFolder::create(const fs::path& path, bool force) {
  auto folder = examine(path, force);
  folder.claim();
  return folder;
}

void RunFolder::claim() {
  const auto& root = root_;
  std::error_code error;
  fs::create_directories(root, error);
  if (error)
    throw RunFolderError(fmt::format("cannot create output folder '{}': {}", root.string(), error.message()));
  if (!lock_) lock_ = std::make_shared<FolderLock>(root);
  if (held_ == Held::kept) return take_over();
  // A run that wrote here until the lock was there is found now, by its scenario.toml.
  const auto held = files_of_a_run(root);
  if (!held.empty() && (held_ == Held::replaced || never_began(root, held))) {
    for (const auto& file : held) remove_file(file);
    ::rmdir((root / audit_folder).c_str());  // where nothing is left in it
  }
  for (auto name : run_files) fs::remove(root / (std::string(name) + ".part"), error);

  const auto claim = root / "scenario.toml";
  const int descriptor = ::open(claim.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor < 0) {
    if (errno == EEXIST) refuse(root, "scenario.toml, of a run that began just now");
    throw RunFolderError(fmt::format("cannot write into output folder '{}': {}", root.string(),
                                     std::generic_category().message(errno)));
  }
  ::close(descriptor);
}

void RunFolder::take_over() {
  // files.json first: without it the folder is that of a run which has not ended.
  for (const std::string_view name :
       {"files.json", "summary.json", "model.pt", "snapshot_before.pt", "snapshot_merged.pt",
        "snapshot_plus16.pt", "snapshot_final.pt", "audit/final.npz"}) {
    std::error_code error;
    if (fs::exists(fs::symlink_status(root_ / name, error))) remove_file(root_ / name);
  }
  for (auto name : run_files) {
    std::error_code ignored;
    fs::remove(root_ / (std::string(name) + ".part"), ignored);
  }
}

fs::path RunFolder::path(std::string_view name) const {
  if (std::find(run_files.begin(), run_files.end(), name) == run_files.end())
    throw std::logic_error(fmt::format("'{}' is not listed among the files of a run", name));
  return root_ / name;
}

fs::path RunFolder::audit() const {
  auto folder = root_ / audit_folder;
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    throw std::runtime_error(fmt::format("cannot create '{}': {}", folder.string(), error.message()));
  return folder;
}

}  // namespace afu::record
