#include "page/timeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "figures/figure_text.hpp"
#include "page/svg.hpp"

namespace afu::page {

namespace {

constexpr std::size_t most_tracks = 24;
constexpr double rounds_before = 1, rounds_behind = 5;

/// What a span's name is drawn as; empty: not drawn.
std::string look(const std::string& name) {
  static const std::map<std::string, std::string> known{
      {"download", "g-link"}, {"upload", "g-link"},        {"compute", "g-compute"}, {"lost", "g-lost"},
      {"wait", "g-wait"},     {"stall", "g-stall"},        {"halted", "g-stall"},    {"offline", "g-offline"},
      {"erase", "g-erase"},   {"calibrate", "g-calibrate"}};
  const auto found = known.find(name);
  return found == known.end() ? std::string() : found->second;
}

const std::vector<std::pair<const char*, const char*>>& legend() {
  static const std::vector<std::pair<const char*, const char*>> all{
      {"g-compute", "computes"},      {"g-link", "transfers"}, {"g-wait", "waits"},
      {"g-stall", "stalls, halted"},  {"g-erase", "erases"},   {"g-calibrate", "calibrates"},
      {"g-lost", "computes in vain"}, {"g-offline", "offline"}};
  return all;
}

}  // namespace

std::optional<Chart> timeline(const figures::Run& run, std::optional<double> round_seconds,
                              const std::string& id, const std::string& name) {
  const auto file = run.folder / "trace.json";
  const auto* request = record::first_request(run.summary);
  if (!request || !std::filesystem::exists(file)) return std::nullopt;
  const auto& erasure = *request;
  const double requested = *erasure.requested_at;
  const double round = round_seconds.value_or(run.summary.virtual_seconds / 10);
  const double begin = std::max(0.0, requested - rounds_before * round);
  const double end = requested + rounds_behind * round;
  const auto trace = read_trace(file, begin, end);
  auto tracks = trace.tracks;
  const bool cut = tracks.size() > most_tracks;
  if (cut) tracks.resize(most_tracks);

  Chart chart;
  chart.id = id;
  chart.wide = true;
  chart.caption = fmt::format("{}, seed {}: who does what from a round before the request to five behind it.",
                              name, run.summary.seed);
  if (erasure.forgotten_at && *erasure.forgotten_at > end)
    chart.caption +=
        fmt::format(" The erasure goes on until {}.", figures::seconds_text(erasure.forgotten_at));
  if (cut) chart.caption += fmt::format(" The first {} of {} actors.", most_tracks, trace.tracks.size());
  chart.data = {id,
                chart.caption,
                {{"actor", "", false}, {"doing", "", false}, {"begin", "s", true}, {"end", "s", true}},
                {},
                false};
  svg::Axis y;
  y.rows = tracks;
  svg::Plot plot(chart.caption, {"time on the run's clock (s)", begin, end, false, {}}, y, 760);
  std::map<std::string, bool> seen;
  for (const auto& span : trace.spans) {
    const auto css = look(span.name);
    const auto row = std::find(tracks.begin(), tracks.end(), span.track) - tracks.begin();
    if (css.empty() || row == static_cast<std::ptrdiff_t>(tracks.size()) || span.end < begin ||
        span.begin > end)
      continue;
    seen[css] = true;
    const double top = static_cast<double>(row);
    plot.area(std::max(span.begin, begin), std::min(span.end, end), top + 0.15, top + 0.85, css,
              fmt::format("{} {}: {:.3f} to {:.3f} s", span.track, span.name, span.begin, span.end));
    chart.data.rows.push_back({text_cell(span.track), text_cell(span.name),
                               number_cell(fmt::format("{:.3f}", span.begin), span.begin),
                               number_cell(fmt::format("{:.3f}", span.end), span.end)});
  }
  plot.rule_x(requested, "request", true);
  const auto mark = [&](const std::optional<double>& at, const std::string& text) {
    if (at && *at > requested && *at < end) plot.rule_x(*at, text);
  };
  mark(erasure.merged_at, "merged");
  if (erasure.forgotten_at != erasure.merged_at) mark(erasure.forgotten_at, "forgotten");
  for (const auto& [css, text] : legend())
    if (seen.count(css) > 0) plot.key(std::string(css), text);
  chart.svg = plot.finish();
  return chart;
}

}  // namespace afu::page
