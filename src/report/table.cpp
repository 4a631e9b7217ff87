#include "report/table.hpp"

#include <fmt/format.h>

#include <iterator>
#include <optional>

#include "config/text.hpp"
#include "report/figure_text.hpp"

namespace afu::report {

namespace {

using Figure = std::optional<double>;

std::string ratio(const Figure& v) { return v ? fmt::format("{:.2f}", *v) : absent_text; }
std::string seconds(const Figure& v) { return v ? fmt::format("{:.2f} s", *v) : absent_text; }

}  // namespace

std::string final_table(const record::Summary& s) {
  std::string out;
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "{}, {} clock, {}: {} updates, {:.2f} s on the run's clock, {:.1f} s real", s.method,
                 s.clock, config::printable(s.ended, true), s.updates, s.virtual_seconds, s.wall_seconds);
  if (s.overrun_share) fmt::format_to(to, ", overrun share {}", share_text(s.overrun_share));

  constexpr auto row = "{:<22}{:>16}{:>12}\n";
  out += "\n\n";
  fmt::format_to(to, row, "", "before erasure", "at the end");
  const auto &before = s.before_erasure, &after = s.final;
  for (const auto& m : metrics())
    fmt::format_to(to, row, m.title, value_text(m, before.*m.figure), value_text(m, after.*m.figure));
  if (s.erasures.empty()) return out;

  constexpr auto line = "{:>7}{:>12}{:>12}{:>12}{:>12}{:>12}{:>13}{:>13}\n";
  out += "\n";
  fmt::format_to(to, line, "erased", "requested", "merged", "forgotten", "downtime", "throughput",
                 "rebound max", "rebound end");
  for (const auto& e : s.erasures) {
    fmt::format_to(to, line, e.client, seconds(e.requested_at), seconds(e.merged_at), seconds(e.forgotten_at),
                   seconds(e.downtime_seconds), ratio(e.retained_throughput_ratio),
                   points_text(e.rebound_max), points_text(e.rebound_end));
  }
  return out;
}

}  // namespace afu::report
