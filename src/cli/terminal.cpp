#include "cli/terminal.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <string>
#include <system_error>

#include "cli/colour.hpp"
#include "config/text.hpp"

namespace afu::cli {
namespace {

int output_error = 0;  ///< of the first failed write to standard output

void failed() {
  if (output_error == 0) output_error = errno != 0 ? errno : EIO;
}

/// In one write where that is possible, after what stands on standard output so far: both may be one terminal.
void write_error(std::string_view text) {
  errno = 0;
  if (std::fflush(stdout) != 0) failed();
  while (!text.empty()) {
    const auto written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // nobody can be told
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

struct Shown {
  const char *word, *colour;
};
Shown shown(Level level) {
  switch (level) {
    case Level::info:
      return {"info", "\033[32m"};
    case Level::warning:
      return {"warning", "\033[33m\033[1m"};
    case Level::error:
      return {"error", "\033[31m\033[1m"};
  }
  return {"", ""};
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
  write_error(config::printable(std::string(message)));  // it may quote what comes from a file
}

void write_log(Level level, std::string_view message) {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  const bool coloured = colours(STDERR_FILENO);
  const auto [word, colour] = shown(level);
  write_error(fmt::format("{:02}:{:02}:{:02} {}{}{} {}\n", local.tm_hour, local.tm_min, local.tm_sec,
                          coloured ? colour : "", word, coloured ? "\033[m" : "",
                          config::printable(std::string(message))));
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
