#include "base/output_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace afu::base {

namespace fs = std::filesystem;

namespace {

std::string failure(const fs::path& path, const std::string& reason) {
  return fmt::format("cannot write '{}': {}", path.string(), reason);
}

/// 0, or why the disk does not have it. What cannot be synced at all (a pipe, some network folders) is no
/// failure.
int sync(int descriptor) {
  while (::fsync(descriptor) != 0) {
    if (errno == EINTR) continue;
    return errno == EINVAL || errno == EROFS || errno == ENOTSUP ? 0 : errno;
  }
  return 0;
}

void sync_folder(const fs::path& file) {
  const auto folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;  // a folder that may be written but not read
  const int error = sync(descriptor);
  ::close(descriptor);
  if (error != 0) throw std::runtime_error(failure(file, std::generic_category().message(error)));
}

/// Removes a file that was not finished.
class Unfinished {
 public:
  explicit Unfinished(fs::path path) : path_(std::move(path)) {}
  ~Unfinished() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  void finished() { path_.clear(); }

 private:
  fs::path path_;
};

}  // namespace

OutputFile::OutputFile(fs::path path) : path_(std::move(path)) {
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor_ < 0) fail(errno);
}

OutputFile::~OutputFile() {
  try {
    close();
  } catch (const std::exception&) {
    // Reported by close() to whoever asked for it.
  }
  if (descriptor_ >= 0) ::close(descriptor_);
}

void OutputFile::fail(int error) {
  error_ = failure(path_, std::generic_category().message(error));
  buffer_.clear();
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
  throw std::runtime_error(error_);
}

void OutputFile::flush() {
  if (!error_.empty()) throw std::runtime_error(error_);
  if (buffer_.size() == 0) return;
  if (descriptor_ < 0) throw std::logic_error("written after close: " + path_.string());
  const char* next = buffer_.data();
  std::size_t left = buffer_.size();
  while (left > 0) {
    const auto written = ::write(descriptor_, next, left);
    if (written < 0) {
      if (errno == EINTR) continue;
      fail(errno);
    }
    next += written;
    left -= static_cast<std::size_t>(written);
  }
  buffer_.clear();
}

void OutputFile::close() {
  flush();
  if (descriptor_ < 0) return;
  if (const int error = sync(descriptor_); error != 0) fail(error);
  const int closed = ::close(std::exchange(descriptor_, -1));
  if (closed != 0 && errno != EINTR) fail(errno);
}

void place_whole(const fs::path& part, const fs::path& path) {
  Unfinished unfinished(part);
  const int descriptor = ::open(part.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw std::runtime_error(failure(path, std::generic_category().message(errno)));
  const int unsynced = sync(descriptor);
  ::close(descriptor);
  if (unsynced != 0) throw std::runtime_error(failure(path, std::generic_category().message(unsynced)));
  std::error_code error;
  fs::rename(part, path, error);
  if (error) throw std::runtime_error(failure(path, error.message()));
  unfinished.finished();
  sync_folder(path);
}

void write_whole(const fs::path& path, std::string_view text) {
  std::error_code error;
  const auto there = fs::status(path, error);
  const bool special = fs::exists(there) && !fs::is_regular_file(there) && !fs::is_directory(there);
  auto part = path;
  if (!special) part += ".part";
  Unfinished unfinished(special ? fs::path() : part);
  try {
    OutputFile file(part);
    file.buffer().append(text.data(), text.data() + text.size());
    file.close();
  } catch (const std::runtime_error& e) {
    // The name that the user knows.
    const std::string what = e.what();
    const auto reason = what.rfind("': ");
    throw std::runtime_error(failure(path, reason == what.npos ? what : what.substr(reason + 3)));
  }
  if (special) return;
  fs::rename(part, path, error);
  if (error) throw std::runtime_error(failure(path, error.message()));
  unfinished.finished();
  sync_folder(path);
}

}  // namespace afu::base
