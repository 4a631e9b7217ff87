#pragma once
/// Standard output and standard error of the launcher. All verbs write through these: a failed write of what
/// a verb prints is an error of the process, a failed write of a message is not.
#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace afu::cli {

/// First thing in main. Descriptors 0 to 2 that are closed are opened on /dev/null: otherwise the first files
/// of a run would get their numbers, and messages would go into them. A reader that goes away (SIGPIPE) and a
/// limit of file sizes (SIGXFSZ) become failed writes.
void prepare_streams();

void write_output(std::string_view text);
/// As config::printable: a message cannot steer the terminal, whatever it quotes.
void write_message(std::string_view message);

enum class Level { info, warning, error };
/// A message of something that takes hours: a line with the time of day and its level, which is coloured
/// where the terminal can.
void write_log(Level level, std::string_view message);

/// What the verb is for, on standard output. Never throws for a failed write: `finish` tells.
template <class... Args>
void print(fmt::format_string<Args...> format, Args&&... args) {
  write_output(fmt::format(format, std::forward<Args>(args)...));
}

/// A message to the user, on standard error, in one write.
template <class... Args>
void tell(fmt::format_string<Args...> format, Args&&... args) {
  write_message(fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
void log(Level level, fmt::format_string<Args...> format, Args&&... args) {
  write_log(level, fmt::format(format, std::forward<Args>(args)...));
}

/// Writes what is still to be written to standard output. Returns `status`; in place of 0, 1 where a write
/// failed (and says so), 141 (128 + SIGPIPE) where the reader had gone.
int finish(int status);

}  // namespace afu::cli
