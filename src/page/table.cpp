#include "page/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>

#include "config/text.hpp"
#include "figures/constant_classifier.hpp"
#include "figures/figure_text.hpp"

namespace afu::page {

namespace {

using Figure = std::optional<double>;

std::string ratio(const Figure& v) { return v ? fmt::format("{:.2f}", *v) : figures::absent_text; }
std::string seconds(const Figure& v) { return v ? fmt::format("{:.2f} s", *v) : figures::absent_text; }

}  // namespace

std::string final_table(const record::Summary& s) {
  std::string out;
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "{}, {} clock, {}: {} updates, {:.2f} s on the run's clock, {:.1f} s real", s.method,
                 s.clock, config::printable(s.ended, true), s.updates, s.virtual_seconds, s.wall_seconds);
  if (s.overrun_share) fmt::format_to(to, ", overrun share {}", figures::share_text(s.overrun_share));

  constexpr auto row = "{:<{}}{:>16}{:>12}\n";
  std::size_t titles = 20;
  for (const auto& m : figures::metrics())
    titles = std::max(titles, figures::title_beside_majority(m, {&s}).size());
  out += "\n\n";
  fmt::format_to(to, row, "", titles + 2, "before erasure", "at the end");
  const auto &before = s.before_erasure, &after = s.final;
  for (const auto& m : figures::metrics())
    fmt::format_to(to, row, figures::title_beside_majority(m, {&s}), titles + 2,
                   figures::value_text(m, before.*m.figure), figures::value_text(m, after.*m.figure));
  if (s.erasures.empty()) return out;

  std::size_t width = 8;
  for (const auto& e : s.erasures) width = std::max(width, record::covers_text(e).size());
  constexpr auto line = "{:<{}}{:>10}{:>12}{:>12}{:>12}{:>12}{:>12}{:>13}{:>13}{:>9}\n";
  out += "\n";
  fmt::format_to(to, line, "request", width, "outcome", "requested", "merged", "forgotten", "downtime",
                 "throughput", "rebound max", "rebound end", "of");
  for (const auto& e : s.erasures) {
    const char* of = e.rebound_of.empty()                ? figures::absent_text
                     : e.rebound_of == "forget_accuracy" ? "forget"
                                                         : "attack";
    fmt::format_to(to, line, record::covers_text(e), width, to_string(e.outcome), seconds(e.requested_at),
                   seconds(e.merged_at), seconds(e.forgotten_at), seconds(e.downtime_seconds),
                   ratio(e.retained_throughput_ratio), figures::points_text(e.rebound_max),
                   figures::points_text(e.rebound_end), of);
  }
  if (s.erasures.size() < 2) return out;

  constexpr auto own = "{:<{}}{:>18}{:>12}{:>18}{:>12}{:>18}{:>12}\n";
  out += "\n";
  fmt::format_to(to, own, "of its own", width, "forget: before", "at the end", "attack: before", "at the end",
                 "AUC: before", "at the end");
  const auto value = [](const char* metric, const std::optional<double>& v) {
    return figures::value_text(*figures::find_metric(metric), v);
  };
  for (const auto& e : s.erasures)
    fmt::format_to(to, own, record::covers_text(e), width, value("forget_accuracy", e.found.forget_accuracy),
                   value("forget_accuracy", e.final.forget_accuracy),
                   value("attack_success_rate", e.found.attack_success_rate),
                   value("attack_success_rate", e.final.attack_success_rate),
                   value("mia_auc", e.found.mia_auc), value("mia_auc", e.final.mia_auc));
  if (std::none_of(s.erasures.begin(), s.erasures.end(),
                   [](const auto& e) { return e.found.poisoned_success.has_value(); }))
    return out;
  constexpr auto poisoned = "{:<{}}{:>18}{:>12}\n";
  constexpr std::size_t title = 24;
  width = std::max(width, title);
  out += "\n";
  fmt::format_to(to, poisoned, "its own poisoned samples", width, "trigger: before", "at the end");
  for (const auto& e : s.erasures)
    fmt::format_to(to, poisoned, record::covers_text(e), width,
                   value("attack_success_rate", e.found.poisoned_success),
                   value("attack_success_rate", e.final.poisoned_success));
  return out;
}

}  // namespace afu::page
