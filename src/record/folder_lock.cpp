#include "record/folder_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/host.hpp"

namespace afu::record {

namespace fs = std::filesystem;

namespace {

std::string reason(int error) { return std::generic_category().message(error); }

/// What the holder wrote, on one line.
std::string text_of(int descriptor) {
  char buffer[512];
  const auto n = ::pread(descriptor, buffer, sizeof buffer, 0);
  std::string text(buffer, n > 0 ? static_cast<std::size_t>(n) : 0);
  for (auto& c : text)
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text.empty() ? "another process" : text;
}

bool lock(int descriptor, FolderLock::Sharing sharing) {
  int done = 0;
  const int kind = sharing == FolderLock::Sharing::alone ? LOCK_EX : LOCK_SH;
  do done = ::flock(descriptor, kind | LOCK_NB);
  while (done != 0 && errno == EINTR);
  return done == 0;
}

/// Whether `path` still is the file of `descriptor`: its last holder may have removed it meanwhile.
bool is_at(int descriptor, const fs::path& path) {
  struct stat mine, there;
  return ::fstat(descriptor, &mine) == 0 && ::stat(path.c_str(), &there) == 0 &&
         mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}

}  // namespace

FolderLock::FolderLock(const fs::path& folder, Sharing sharing) : path_(folder / lock_file) {
  for (;;) {
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    if (descriptor_ < 0)
      throw RunFolderError(
          fmt::format("cannot write into output folder '{}': {}", folder.string(), reason(errno)));
    if (!lock(descriptor_, sharing)) {
      const int error = errno;
      const auto who = text_of(descriptor_);
      ::close(descriptor_);
      if (error == EWOULDBLOCK)
        throw FolderBusy(fmt::format(
            "output folder '{}' is being written by {}: wait until it has ended, or choose another folder",
            folder.string(), who));
      throw RunFolderError(fmt::format("cannot lock '{}': {}", path_.string(), reason(error)));
    }
    if (is_at(descriptor_, path_)) break;
    ::close(descriptor_);
  }
  const auto text =
      fmt::format("process {} on {}, since {}\n", ::getpid(), base::host_info().name, base::utc_now());
  if (::ftruncate(descriptor_, 0) != 0 ||
      ::pwrite(descriptor_, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    // The lock holds all the same; who is kept out is told less.
  }
}

FolderLock::~FolderLock() {
  // Before the lock ends: later it might be another's. Where others share it, the last of them removes it.
  if (lock(descriptor_, Sharing::alone)) ::unlink(path_.c_str());
  ::close(descriptor_);
}

}  // namespace afu::record
