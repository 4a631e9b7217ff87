#include "data/input_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "data/dataset.hpp"

namespace afu::data {

namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { ::close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  if (S_ISSOCK(mode)) return "a socket";
  return "no regular file";
}

[[noreturn]] void fail(const std::string& path, const char* what, int error) {
  throw DataError(fmt::format("{}: {}: {}", path, what, std::strerror(error)));
}

void require_regular(const std::string& path, const struct stat& st) {
  if (!S_ISREG(st.st_mode))
    throw DataError(fmt::format("{}: {}, a regular file is expected", path, kind_of(st.st_mode)));
}

/// A descriptor of it, and what it is.
int open_regular(const std::string& path, struct stat& st) {
  require_regular_file(path);  // opening a device may already act on it
  const int fd = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) fail(path, "cannot be opened", errno);
  const bool known = ::fstat(fd, &st) == 0;
  if (known && S_ISREG(st.st_mode)) return fd;
  const int error = errno;
  ::close(fd);
  if (!known) fail(path, "cannot be read", error);
  require_regular(path, st);
  return -1;
}

}  // namespace

void require_regular_file(const std::string& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) fail(path, "cannot be opened", errno);
  require_regular(path, st);
}

std::vector<std::uint8_t> read_head(const std::string& path, std::size_t most) {
  struct stat st {};
  const Descriptor file(open_regular(path, st));
  std::vector<std::uint8_t> bytes(most);
  std::size_t got = 0;
  while (got < most) {
    const auto n = ::read(file.get(), bytes.data() + got, most - got);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(path, "cannot be read", errno);
    if (n == 0) break;
    got += static_cast<std::size_t>(n);
  }
  bytes.resize(got);
  return bytes;
}

std::vector<std::uint8_t> read_regular_file(const std::string& path, std::uint64_t most) {
  struct stat st {};
  const Descriptor file(open_regular(path, st));

  // The size may be wrong by the time it is used: what counts is what comes.
  const auto too_large = [&](std::uint64_t bytes) {
    if (bytes > most)
      throw DataError(fmt::format("{}: holds more than {} bytes, the most that is read", path, most));
  };
  too_large(static_cast<std::uint64_t>(st.st_size));
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(st.st_size) + 1);
  std::size_t got = 0;
  for (;;) {
    const auto n = ::read(file.get(), bytes.data() + got, bytes.size() - got);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(path, "cannot be read", errno);
    if (n == 0) break;
    got += static_cast<std::size_t>(n);
    too_large(got);
    if (got == bytes.size()) bytes.resize(2 * bytes.size());
  }
  bytes.resize(got);
  return bytes;
}

}  // namespace afu::data
