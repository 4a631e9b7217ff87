#include "report/progress.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace afu::report {

namespace {

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

std::string progress_text(const Goal& goal, std::uint64_t updates, double simulated, double elapsed) {
  double done = 0;
  if (goal.updates > 0) done = static_cast<double>(updates) / static_cast<double>(goal.updates);
  if (goal.seconds > 0) done = std::max(done, simulated / goal.seconds);

  std::string out = fmt::format("{}", updates);
  const auto to = std::back_inserter(out);
  if (goal.updates > 0) fmt::format_to(to, " / {}", goal.updates);
  fmt::format_to(to, " updates, simulated {:.1f}", simulated);
  if (goal.seconds > 0) fmt::format_to(to, " / {:.1f}", goal.seconds);
  out += " s";
  if (updates > 0 && elapsed > 0)
    fmt::format_to(to, ", {:.1f} updates/s", static_cast<double>(updates) / elapsed);
  if (done > 0 && elapsed > 0)
    fmt::format_to(to, ", ETA {}", duration(std::max(0.0, elapsed * (1 - done) / done)));
  return out;
}

ProgressLine::ProgressLine(Goal goal, bool quiet, int descriptor)
    : goal_(goal),
      descriptor_(descriptor),
      shown_(!quiet && ::isatty(descriptor) == 1),
      begin_(Clock::now()),
      next_(begin_) {}

void ProgressLine::update(std::uint64_t updates, double simulated_seconds) {
  if (!shown_) return;
  const auto now = Clock::now();
  if (now < next_) return;
  next_ = now + period;
  auto text =
      progress_text(goal_, updates, simulated_seconds, std::chrono::duration<double>(now - begin_).count());
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

}  // namespace afu::report
