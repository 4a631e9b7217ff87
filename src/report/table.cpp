#include "report/table.hpp"

#include <fmt/format.h>

#include <iterator>
#include <optional>

namespace afu::report {

namespace {

using Figure = std::optional<double>;
constexpr const char* absent = "–";

std::string percent(const Figure& v) { return v ? fmt::format("{:.1f} %", *v * 100) : absent; }
std::string points(const Figure& v) { return v ? fmt::format("{:+.1f} pp", *v * 100) : absent; }
std::string area(const Figure& v) { return v ? fmt::format("{:.3f}", *v) : absent; }
std::string ratio(const Figure& v) { return v ? fmt::format("{:.2f}", *v) : absent; }
std::string seconds(const Figure& v) { return v ? fmt::format("{:.2f} s", *v) : absent; }

}  // namespace

std::string final_table(const record::Summary& s) {
  std::string out;
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "{}, {} clock, {}: {} updates, {:.2f} s on the run's clock, {:.1f} s real", s.method,
                 s.clock, s.ended, s.updates, s.virtual_seconds, s.wall_seconds);
  if (s.overrun_share) fmt::format_to(to, ", overrun share {}", percent(s.overrun_share));

  constexpr auto row = "{:<22}{:>16}{:>12}\n";
  out += "\n\n";
  fmt::format_to(to, row, "", "before erasure", "at the end");
  const auto &before = s.before_erasure, &after = s.final;
  fmt::format_to(to, row, "test accuracy", percent(before.test_accuracy), percent(after.test_accuracy));
  fmt::format_to(to, row, "forget accuracy", percent(before.forget_accuracy), percent(after.forget_accuracy));
  fmt::format_to(to, row, "retain accuracy", percent(before.retain_accuracy), percent(after.retain_accuracy));
  fmt::format_to(to, row, "attack success rate", percent(before.attack_success_rate),
                 percent(after.attack_success_rate));
  fmt::format_to(to, row, "membership AUC", area(before.mia_auc), area(after.mia_auc));
  if (s.erasures.empty()) return out;

  constexpr auto line = "{:>7}{:>12}{:>12}{:>12}{:>12}{:>12}{:>13}{:>13}\n";
  out += "\n";
  fmt::format_to(to, line, "erased", "requested", "merged", "forgotten", "downtime", "throughput",
                 "rebound max", "rebound end");
  for (const auto& e : s.erasures) {
    fmt::format_to(to, line, e.client, seconds(e.requested_at), seconds(e.merged_at), seconds(e.forgotten_at),
                   seconds(e.downtime_seconds), ratio(e.retained_throughput_ratio), points(e.rebound_max),
                   points(e.rebound_end));
  }
  return out;
}

}  // namespace afu::report
