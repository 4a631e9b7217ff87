#include "base/text_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace afu::base {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

std::string reason(int error) {
  return error == ENOENT ? "no such file"
                         : "this file cannot be read: " + std::generic_category().message(error);
}

}  // namespace

std::string read_text_file(const std::string& file, std::string& text, bool pipes) {
  // Opening a pipe waits for a writer, unless it is asked not to.
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return reason(errno);
  if (S_ISDIR(status.st_mode)) return "this is a folder, allowed is a file";
  if (!S_ISREG(status.st_mode) && !pipes) return "this is a pipe or a device, allowed is a regular file";
  const bool regular = S_ISREG(status.st_mode);
  const Descriptor in(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | (regular ? O_NONBLOCK : 0)));
  if (in.number() < 0) return reason(errno);
  if (regular && (::fstat(in.number(), &status) != 0 || !S_ISREG(status.st_mode)))
    return "this is no regular file any more";

  text.clear();
  auto too_long = fmt::format("this file is longer than {} MiB", most_text_bytes >> 20);
  if (regular && status.st_size > static_cast<off_t>(most_text_bytes)) return too_long;
  if (regular && status.st_size > 0) text.reserve(static_cast<std::size_t>(status.st_size));
  char block[64 * 1024];
  for (;;) {
    const auto got = ::read(in.number(), block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return reason(errno);
    if (got == 0) return {};
    text.append(block, static_cast<std::size_t>(got));
    if (text.size() > most_text_bytes) return too_long;
  }
}

}  // namespace afu::base
