#include "record/run_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <vector>

namespace afu::record {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void refuse(const fs::path& root, const std::string& held) {
  throw RunFolderError(
      fmt::format("output folder '{}' already holds a run ({}): choose another folder, or give --force to "
                  "replace that run",
                  root.string(), held));
}

std::vector<fs::path> files_of_a_run(const fs::path& root) {
  std::vector<fs::path> found;
  for (auto name : run_files) {
    std::error_code ignored;
    // Not followed: a dangling link is something that a run would write through.
    if (fs::exists(fs::symlink_status(root / name, ignored))) found.push_back(root / name);
  }
  return found;
}

void remove_file(const fs::path& file) {
  std::error_code error;
  if (fs::is_directory(fs::symlink_status(file, error)))
    throw RunFolderError(
        fmt::format("cannot replace '{}': it is a folder, not a file of a run", file.string()));
  fs::remove(file, error);
  if (error) throw RunFolderError(fmt::format("cannot remove '{}': {}", file.string(), error.message()));
}

}  // namespace

RunFolder RunFolder::create(const fs::path& path, bool force) {
  if (path.empty()) throw RunFolderError("the output folder has no name");
  auto root = path;
  if (!root.has_filename()) root = root.parent_path();  // "runs/a/" -> "runs/a"

  std::error_code error;
  const auto status = fs::status(root, error);
  if (fs::exists(status) && !fs::is_directory(status))
    throw RunFolderError(fmt::format("output folder '{}' is not a folder", root.string()));
  error.clear();
  fs::create_directories(root, error);
  if (error)
    throw RunFolderError(fmt::format("cannot create output folder '{}': {}", root.string(), error.message()));

  const auto held = files_of_a_run(root);
  if (!held.empty() && !force) {
    std::string names;
    for (const auto& file : held) names += (names.empty() ? "" : ", ") + file.filename().string();
    refuse(root, names);
  }
  for (const auto& file : held) remove_file(file);

  const auto claim = root / "scenario.toml";
  const int descriptor = ::open(claim.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor < 0) {
    if (errno == EEXIST) refuse(root, "scenario.toml, of a run that began just now");
    throw RunFolderError(fmt::format("cannot write into output folder '{}': {}", root.string(),
                                     std::generic_category().message(errno)));
  }
  ::close(descriptor);
  return RunFolder(std::move(root));
}

fs::path RunFolder::path(std::string_view name) const {
  if (std::find(run_files.begin(), run_files.end(), name) == run_files.end())
    throw std::logic_error(fmt::format("'{}' is not listed among the files of a run", name));
  return root_ / name;
}

}  // namespace afu::record
