#pragma once
/// One writer a folder, over all processes.
#include <filesystem>

#include "record/run_folder.hpp"

namespace afu::record {

/// Another process is writing the folder.
struct FolderBusy : RunFolderError {
  using RunFolderError::RunFolderError;
};

/// The file whose lock (flock) keeps a folder for one process. It names that process while it is held, and
/// goes with it; one that a killed process left holds nobody up, since the system ends locks with their
/// process.
inline constexpr const char* lock_file = "afu.lock";

class FolderLock {
 public:
  /// alone: nobody else may hold it. shared: others who share it may.
  enum class Sharing { alone, shared };

  /// Takes the lock of `folder`, which exists. Throws FolderBusy: another writer holds it (its process,
  /// host and since when are named); RunFolderError: the file system keeps no locks.
  explicit FolderLock(const std::filesystem::path& folder, Sharing sharing = Sharing::alone);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace afu::record
