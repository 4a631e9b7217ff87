#include "cli/terminal.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <string>
#include <system_error>

#include "config/text.hpp"

namespace afu::cli {
namespace {

int output_error = 0;  ///< of the first failed write to standard output

void failed() {
  if (output_error == 0) output_error = errno != 0 ? errno : EIO;
}

}  // namespace

void prepare_streams() {
  for (const int descriptor : {0, 1, 2}) {
    if (::fcntl(descriptor, F_GETFD) != -1 || errno != EBADF) continue;
    // The lowest free number is this one, since those before it are open.
    [[maybe_unused]] const int opened = ::open("/dev/null", descriptor == 0 ? O_RDONLY : O_WRONLY);
  }
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

void write_output(std::string_view text) {
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) failed();
}

void write_message(std::string_view message) {
  // It may quote what comes from a file.
  const auto shown = config::printable(std::string(message));
  std::string_view text = shown;
  // What stands on standard output so far comes first where both are one terminal.
  errno = 0;
  if (std::fflush(stdout) != 0) failed();
  while (!text.empty()) {
    const auto written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // nobody can be told
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

int finish(int status) {
  errno = 0;
  if (std::fflush(stdout) != 0 || (std::ferror(stdout) != 0 && output_error == 0)) failed();
  if (output_error == 0) return status;
  if (output_error == EPIPE) return status != 0 ? status : 128 + SIGPIPE;
  tell("afu: cannot write to standard output: {}\n", std::generic_category().message(output_error));
  return status != 0 ? status : 1;
}

}  // namespace afu::cli
