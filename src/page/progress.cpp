#include "page/progress.hpp"
#include "config/sections/scenario.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>

namespace afu::page {

namespace {

/// Whether what was written to it can be rewritten.
bool rewrites(int descriptor) {
  const char* terminal = std::getenv("TERM");
  return ::isatty(descriptor) == 1 && terminal && *terminal && std::string(terminal) != "dumb";
}

constexpr auto period = std::chrono::milliseconds(100);

/// 75 -> "1:15", 3675 -> "1:01:15"
std::string duration(double seconds) {
  // The other way round NaN would pass.
  const auto s =
      seconds < 3.6e9 ? static_cast<std::int64_t>(std::ceil(seconds)) : std::int64_t{3'600'000'000};
  if (s < 3600) return fmt::format("{}:{:02}", s / 60, s % 60);
  return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

}  // namespace

double part_done(const Goal& goal, std::uint64_t updates, double simulated) {
  double done = 0;
  if (goal.updates > 0) done = static_cast<double>(updates) / static_cast<double>(goal.updates);
  if (goal.seconds > 0) done = std::max(done, simulated / goal.seconds);
  return done;
}

bool line_due(double seconds, double done, double told) {
  return seconds >= 10 || (seconds >= 2 && done >= told + 0.05);
}

std::string progress_text(const Goal& goal, std::uint64_t updates, double simulated, double elapsed,
                          const std::string& waited_for) {
  const double done = part_done(goal, updates, simulated);

  std::string out = fmt::format("{}", updates);
  const auto to = std::back_inserter(out);
  if (goal.updates > 0) fmt::format_to(to, " / {}", goal.updates);
  fmt::format_to(to, " updates, simulated {:.1f}", simulated);
  if (goal.seconds > 0) fmt::format_to(to, " / {:.1f}", goal.seconds);
  out += " s";
  if (updates > 0 && elapsed > 0)
    fmt::format_to(to, ", {:.1f} updates/s", static_cast<double>(updates) / elapsed);
  if (!waited_for.empty())
    fmt::format_to(to, "; {}", waited_for);
  else if (done > 0 && elapsed > 0)
    fmt::format_to(to, ", ETA {}", duration(std::max(0.0, elapsed * (1 - done) / done)));
  return out;
}

ProgressLine::ProgressLine(Goal goal, bool quiet, int descriptor)
    : goal_(goal),
      descriptor_(descriptor),
      shown_(!quiet),
      rewrites_(rewrites(descriptor)),
      begin_(Clock::now()),
      last_(rewrites_ ? begin_ - period : begin_) {}  // a terminal's line is there at once

void ProgressLine::update(std::uint64_t updates, double simulated_seconds, const std::string& waited_for) {
  if (!shown_) return;
  const auto now = Clock::now();
  const auto seconds_since = [&](Clock::time_point t) {
    return std::chrono::duration<double>(now - t).count();
  };
  const double done = part_done(goal_, updates, simulated_seconds);
  if (rewrites_ ? now < last_ + period : !line_due(seconds_since(last_), done, told_)) return;
  last_ = now;
  told_ = done;
  auto text = progress_text(goal_, updates, simulated_seconds, seconds_since(begin_), waited_for);
  if (!rewrites_) return write("afu: " + text + "\n");
  // A line that wraps could not be rewritten. The text is ASCII.
  winsize size{};
  if (::ioctl(descriptor_, TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
    text.resize(std::min<std::size_t>(text.size(), size.ws_col - 1));
  write("\r" + text + "\x1b[K");
  drawn_ = true;
}

void ProgressLine::clear() {
  if (!drawn_) return;
  write("\r\x1b[K");
  drawn_ = false;
}

void ProgressLine::write(const std::string& text) const {
  // A terminal that went away must not end a run.
  [[maybe_unused]] const auto written = ::write(descriptor_, text.data(), text.size());
}

}  // namespace afu::page
