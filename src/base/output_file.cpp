#include "base/output_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "base/fault.hpp"

namespace afu::base {

namespace fs = std::filesystem;

namespace {

std::string failure(const fs::path& path, const std::string& reason) {
  return fmt::format("cannot write '{}': {}", path.string(), reason);
}

/// 0, or why the disk does not have it. What cannot be synced at all (a pipe, some network folders) is no
/// failure.
int put_on_disk(int descriptor) {
  if (const int fault = fault::at_write()) return fault;
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
  const int error = put_on_disk(descriptor);
  ::close(descriptor);
  if (error != 0) throw std::runtime_error(failure(file, std::generic_category().message(error)));
}

/// Bytes up to and with the last line's end.
std::uint64_t whole_lines(int descriptor, std::uint64_t size) {
  std::array<char, 4096> block;
  while (size > 0) {
    const auto want = std::min<std::uint64_t>(size, block.size());
    const auto n = ::pread(descriptor, block.data(), want, static_cast<off_t>(size - want));
    if (n != static_cast<ssize_t>(want)) return 0;
    for (auto i = want; i > 0; --i)
      if (block[i - 1] == '\n') return size - want + i;
    size -= want;
  }
  return 0;
}

/// Negative, with the reason in errno, where it cannot be opened.
int open_to_write(const fs::path& path, int flags) {
  if (const int fault = fault::at_write()) {
    errno = fault;
    return -1;
  }
  return ::open(path.c_str(), flags | O_CLOEXEC, 0666);
}

/// Gives the complete file its name. Throws std::runtime_error that names `path`.
void give_name(const fs::path& part, const fs::path& path) {
  std::error_code error;
  if (const int fault = fault::at_write())
    error = {fault, std::generic_category()};
  else
    fs::rename(part, path, error);
  if (error) throw std::runtime_error(failure(path, error.message()));
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
  descriptor_ = open_to_write(path_, O_WRONLY | O_CREAT | O_TRUNC);
  if (descriptor_ < 0) fail(errno);
}

OutputFile::OutputFile(fs::path path, Again) : path_(std::move(path)) {
  descriptor_ = open_to_write(path_, O_RDWR | O_CREAT);
  if (descriptor_ < 0) fail(errno);
  const auto size = ::lseek(descriptor_, 0, SEEK_END);
  if (size < 0) fail(errno);
  held_ = whole_lines(descriptor_, static_cast<std::uint64_t>(size));
  if (held_ == static_cast<std::uint64_t>(size)) return;
  cut(held_);
  if (::lseek(descriptor_, 0, SEEK_END) < 0) fail(errno);
}

OutputFile::OutputFile(fs::path path, Keep keep) : path_(std::move(path)) {
  descriptor_ = open_to_write(path_, O_WRONLY);
  if (descriptor_ < 0) fail(errno);
  cut(keep.bytes);
  if (::lseek(descriptor_, static_cast<off_t>(keep.bytes), SEEK_SET) < 0) fail(errno);
}

OutputFile::~OutputFile() {
  try {
    close();
  } catch (const std::exception&) {
    // Reported by close() to whoever asked for it.
  }
  if (descriptor_ >= 0) ::close(descriptor_);
}

void OutputFile::fail(int error) { fail_with(failure(path_, std::generic_category().message(error))); }

void OutputFile::cut(std::uint64_t size) {
  if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) fail(errno);
}

void OutputFile::fail_with(std::string what) {
  error_ = std::move(what);
  buffer_.clear();
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
  throw std::runtime_error(error_);
}

std::size_t OutputFile::found_again(const char* text, std::size_t size) {
  std::array<char, 16384> block;
  std::size_t done = 0;
  while (done < size && again_ < held_) {
    const auto want = std::min<std::uint64_t>({size - done, held_ - again_, block.size()});
    const auto n = ::pread(descriptor_, block.data(), want, static_cast<off_t>(again_));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail(n < 0 ? errno : EIO);
    const auto count = static_cast<std::size_t>(n);
    const auto differs = std::mismatch(block.data(), block.data() + count, text + done).first - block.data();
    lines_ += static_cast<std::uint64_t>(std::count(block.data(), block.data() + differs, '\n'));
    if (static_cast<std::size_t>(differs) < count)
      fail_with(
          fmt::format("'{}' holds another line {} than the run gives again", path_.string(), lines_ + 1));
    again_ += count;
    done += count;
  }
  return done;
}

void OutputFile::write(const char* text, std::size_t size) {
  if (size == 0) return;
  const int fault =
      fault::at_write([&] { [[maybe_unused]] const auto half = ::write(descriptor_, text, size / 2); });
  if (fault != 0) fail(fault);
  while (size > 0) {
    const auto written = ::write(descriptor_, text, size);
    if (written < 0) {
      if (errno == EINTR) continue;
      fail(errno);
    }
    text += written;
    size -= static_cast<std::size_t>(written);
  }
}

void OutputFile::flush() {
  if (!error_.empty()) throw std::runtime_error(error_);
  if (buffer_.size() == 0) return;
  if (descriptor_ < 0) throw std::logic_error("written after close: " + path_.string());
  const auto again = again_ < held_ ? found_again(buffer_.data(), buffer_.size()) : 0;
  write(buffer_.data() + again, buffer_.size() - again);
  buffer_.clear();
}

void OutputFile::drop_rest() {
  flush();
  if (again_ == held_) return;
  cut(again_);
  held_ = again_;
  if (::lseek(descriptor_, 0, SEEK_END) < 0) fail(errno);
}

void OutputFile::sync() {
  flush();
  if (descriptor_ < 0) return;
  if (const int error = put_on_disk(descriptor_); error != 0) fail(error);
}

void OutputFile::close() {
  sync();
  if (descriptor_ < 0) return;
  const int closed = ::close(std::exchange(descriptor_, -1));
  if (closed != 0 && errno != EINTR) fail(errno);
}

void place_whole(const fs::path& part, const fs::path& path) {
  Unfinished unfinished(part);
  const int descriptor = ::open(part.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw std::runtime_error(failure(path, std::generic_category().message(errno)));
  const int unsynced = put_on_disk(descriptor);
  ::close(descriptor);
  if (unsynced != 0) throw std::runtime_error(failure(path, std::generic_category().message(unsynced)));
  give_name(part, path);
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
  give_name(part, path);
  unfinished.finished();
  sync_folder(path);
}

}  // namespace afu::base
