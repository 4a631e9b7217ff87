/// What users of the model got after the request.
#include <fmt/format.h>

#include <algorithm>

#include "figures/figure_text.hpp"
#include "page/charts.hpp"
#include "page/svg.hpp"

namespace afu::page {

namespace {

constexpr std::size_t grid_points = 240;
constexpr double lead_in = 0.06;  ///< of the time shown, before the request

/// One arm's runs.
struct Served {
  std::vector<const figures::ServedCurve*> curves;
  std::vector<double> erased;  ///< of the seeds in which it was, within the time shown
};

Served served_by(const figures::Analysis& a, std::size_t group, std::size_t arm) {
  Served s;
  for (const auto* cell : a.study().cells_of(group, arm))
    if (const auto* f = a.figures(*cell); f && f->service) s.curves.push_back(&f->served);
  return s;
}

/// As long as all seeds and arms are looked at.
double time_shown(const figures::Analysis& a, std::size_t group) {
  double out = 0;
  for (const auto& cell : a.study().cells)
    if (const auto* f = a.figures(cell); f && cell.group == group && f->service)
      out = out > 0 ? std::min(out, f->service->horizon) : f->service->horizon;
  return out;
}

/// Only the points where a step begins, and the last.
svg::Points steps_of(const svg::Points& points) {
  svg::Points out;
  for (std::size_t i = 0; i < points.size(); ++i)
    if (out.empty() || points[i].second != out.back().second || i + 1 == points.size())
      out.push_back(points[i]);
  return out;
}

}  // namespace

Chart service_curves(const figures::Analysis& a, std::size_t group) {
  const auto& study = a.study();
  const double shown = time_shown(a, group);
  Chart chart;
  chart.id = study.id_of("service", group);
  chart.wide = true;
  chart.caption = fmt::format(
      "What users got after the request{}: {} of the version being served, means over the seeds; {} and {} "
      "with the {:g} % interval. Dots: when the arm's model no longer held what was to be erased, on "
      "average; an arm without a dot held it in some seed to the end of the time shown.",
      study.in_group(group), a.utility().title, study.arms[study.subject].name,
      study.arms[study.reference].name, study.statistics.confidence * 100);
  chart.data = {study.id_of("service-curves", group),
                chart.caption,
                {{"arm", "", false},
                 {"time", "s", true},
                 {"mean", "%", true},
                 {"low", "%", true},
                 {"high", "%", true},
                 {"seeds", "", true},
                 {"seeds erased", "", true}},
                {},
                false};
  if (!(shown > 0)) return chart;
  struct Line {
    std::size_t arm;
    svg::Points mean, low, high;
    std::optional<double> erased;
    double at_erasure = 0;
  };
  std::vector<Line> lines;
  std::vector<double> all;
  for (std::size_t arm = 0; arm < study.arms.size(); ++arm) {
    const auto s = served_by(a, group, arm);
    if (s.curves.empty()) continue;
    Line line{arm, {}, {}, {}, {}, 0};
    const auto mean_at = [&](double t) {
      std::vector<double> values;
      for (const auto* c : s.curves) values.push_back(100 * c->at(t));
      return figures::estimate(values, study.statistics.confidence);
    };
    std::vector<double> erased;
    for (const auto* c : s.curves)
      if (const auto at = c->erased(); at && *at <= shown) erased.push_back(*at);
    if (erased.size() == s.curves.size()) {
      line.erased = figures::mean(erased);
      line.at_erasure = mean_at(*line.erased).mean;
    }
    for (std::size_t i = 0; i <= grid_points; ++i) {
      const double share = static_cast<double>(i) / static_cast<double>(grid_points);
      const double t = shown * (share * (1 + lead_in) - lead_in);
      const auto e = mean_at(t);
      const auto interval = e.interval.value_or(figures::Interval{e.mean, e.mean});
      line.mean.emplace_back(t, e.mean);
      line.low.emplace_back(t, std::clamp(interval.low, 0.0, 100.0));
      line.high.emplace_back(t, std::clamp(interval.high, 0.0, 100.0));
      const auto without = std::count_if(erased.begin(), erased.end(), [&](double at) { return at <= t; });
      all.push_back(e.mean);
      if (arm == study.subject || arm == study.reference) {
        all.push_back(line.low.back().second);
        all.push_back(line.high.back().second);
      }
      const auto number = [](double v, int digits) {
        return number_cell(fmt::format("{:.{}f}", v, digits), v);
      };
      chart.data.rows.push_back({text_cell(study.arms[arm].name), number(t, 3), number(e.mean, 2),
                                 number(line.low.back().second, 2), number(line.high.back().second, 2),
                                 number(static_cast<double>(s.curves.size()), 0),
                                 number(static_cast<double>(without), 0)});
    }
    lines.push_back(std::move(line));
  }
  auto y = svg::axis_over(fmt::format("{} served (%)", a.utility().title), all);
  y.low = std::max(y.low, 0.0);
  y.high = std::min(y.high, 100.0);
  svg::Plot plot(chart.caption, {"seconds since the request", -lead_in * shown, shown, false, {}}, y, 640,
                 320);
  plot.rule_x(0, "request");
  for (const auto& line : lines)
    if (line.arm == study.subject || line.arm == study.reference)
      plot.band({colour_of(study, line.arm)}, line.low, line.high);
  for (const auto& line : lines) {
    const svg::Style style{colour_of(study, line.arm)};
    plot.steps(style, steps_of(line.mean));
    plot.key(style, study.arms[line.arm].name);
  }
  for (const auto& line : lines)
    if (line.erased)
      plot.dot({colour_of(study, line.arm)}, *line.erased, line.at_erasure,
               fmt::format("{}: erased after {:.2f} s, at {:.1f} %", study.arms[line.arm].name, *line.erased,
                           line.at_erasure),
               4.5);
  chart.svg = plot.finish();
  return chart;
}

}  // namespace afu::page
