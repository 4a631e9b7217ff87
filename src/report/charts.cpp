#include "report/charts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/figure_text.hpp"
#include "report/svg.hpp"
#include "report/verdicts.hpp"

namespace afu::report {

using svg::Style;

std::size_t colour_of(const Study& study, std::size_t arm) {
  if (arm == study.reference) return 0;
  if (arm == study.subject) return 1;
  std::size_t next = 2;
  for (std::size_t i = 0; i < arm; ++i) next += i != study.reference && i != study.subject;
  return next;
}

namespace {

std::string group_id(const Study& study, const std::string& id, std::size_t group) {
  return study.groups.size() > 1 ? fmt::format("{}-group-{}", id, group + 1) : id;
}

std::string in_group(const Study& study, std::size_t group) {
  return study.groups[group].empty() ? std::string() : " (" + study.groups[group] + ")";
}

std::string with_unit(const std::string& title, const char* unit) {
  return *unit ? title + " (" + unit + ")" : title;
}

std::string dashed(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

/// One row of a strip: seeds as dots, their mean and its interval.
struct StripRow {
  std::size_t arm;
  Analysis::Values values;
  std::optional<stats::Interval> interval;
};

struct Strip {
  std::string id, caption, axis, unit, column;
  double factor = 1;
  std::vector<StripRow> rows;
  std::optional<stats::Interval> shaded;
  bool with_zero = false;
};

Chart draw(const Study& study, const Strip& strip) {
  std::vector<double> all;
  const auto scaled = [&](double v) { return v * strip.factor; };
  for (const auto& row : strip.rows) {
    for (const auto& [seed, v] : row.values) all.push_back(scaled(v));
    if (row.interval && row.values.size() >= fewest_pairs) {  // of two it would dwarf all others; it is cut
      all.push_back(scaled(row.interval->low));
      all.push_back(scaled(row.interval->high));
    }
  }
  if (strip.shaded) {
    all.push_back(scaled(strip.shaded->low));
    all.push_back(scaled(strip.shaded->high));
  }
  svg::Axis y;
  for (const auto& row : strip.rows) y.rows.push_back(study.arms[row.arm].name);
  auto x = svg::axis_over(strip.axis, all, strip.with_zero);
  if (!strip.with_zero && strip.unit == "%") {
    x.low = std::max(x.low, -3.0);
    x.high = std::min(x.high, 103.0);
  }
  svg::Plot plot(strip.caption, x, y);
  if (strip.shaded)
    plot.area(scaled(strip.shaded->low), scaled(strip.shaded->high), 0,
              static_cast<double>(strip.rows.size()), "margin", "margin of equivalence");
  if (strip.with_zero) plot.rule_x(0, "");
  Chart chart{strip.id, strip.caption, {}, {strip.id, strip.caption, {}, {}, false}, false};
  chart.data.columns = {{"arm", "", false}, {"seed", "", true}, {strip.column, strip.unit, true}};
  for (std::size_t i = 0; i < strip.rows.size(); ++i) {
    const auto& row = strip.rows[i];
    const Style style{colour_of(study, row.arm)};
    const double at = static_cast<double>(i) + 0.5;
    const auto& name = study.arms[row.arm].name;
    if (row.interval) plot.segment(style, scaled(row.interval->low), at, scaled(row.interval->high), at);
    for (const auto& [seed, v] : row.values) {
      plot.dot(style, scaled(v), at, fmt::format("{}, seed {}: {:.4g} {}", name, seed, scaled(v), strip.unit),
               3, true);
      chart.data.rows.push_back({text_cell(name),
                                 number_cell(fmt::format("{}", seed), static_cast<double>(seed)),
                                 number_cell(fmt::format("{:.4g}", scaled(v)), scaled(v))});
    }
    if (row.values.empty()) continue;
    const double mean = scaled(stats::mean(list(row.values)));
    auto title = fmt::format("{}: mean {:.4g} {}", name, mean, strip.unit);
    if (row.interval)
      title += fmt::format(" [{:.4g}, {:.4g}]", scaled(row.interval->low), scaled(row.interval->high));
    plot.dot(style, mean, at, title, 4.5);
  }
  chart.svg = plot.finish();
  return chart;
}

}  // namespace

std::vector<Chart> strips(const Analysis& a, std::size_t group) {
  const auto& study = a.study();
  std::vector<Chart> out;
  for (const auto& metric : metrics()) {
    const auto scale = scale_of(metric);
    Strip strip;
    strip.id = group_id(study, "seeds-" + dashed(metric.name), group);
    strip.axis = with_unit(std::string(metric.title) + " at the end", scale.unit);
    strip.caption =
        fmt::format("{} at the end{}: every seed, the mean and its {:g} % interval.",
                    capitalised(metric.title), in_group(study, group), study.statistics.confidence * 100);
    strip.unit = scale.unit;
    strip.factor = scale.factor;
    strip.column = metric.name;
    bool any = false;
    for (std::size_t arm = 0; arm < study.arms.size(); ++arm) {
      StripRow row{arm, a.values(group, arm, metric), {}};
      if (!row.values.empty())
        row.interval = stats::estimate(list(row.values), study.statistics.confidence).interval;
      any = any || !row.values.empty();
      strip.rows.push_back(std::move(row));
    }
    const auto reference = list(a.values(group, study.reference, metric));
    const auto margin = study.statistics.margins.find(metric.name);
    if (margin != study.statistics.margins.end() && !reference.empty() && study.arms.size() > 1) {
      const double mean = stats::mean(reference);
      strip.shaded = stats::Interval{mean - margin->second, mean + margin->second};
      strip.caption += fmt::format(" Shaded: {} ± {}.", study.arms[study.reference].name,
                                   margin_text(metric, margin->second));
    }
    if (any) out.push_back(draw(study, strip));
  }
  return out;
}

std::vector<Chart> difference_strips(const Analysis& a, std::size_t group) {
  const auto& study = a.study();
  std::vector<Chart> out;
  for (const auto& name : study.statistics.family) {
    const auto& metric = *find_metric(name);
    const auto scale = difference_scale_of(metric);
    const double margin = study.statistics.margins.at(name);
    const auto& reference = study.arms[study.reference].name;
    Strip strip;
    strip.id = group_id(study, "difference-" + dashed(name), group);
    strip.axis = with_unit(fmt::format("{} - {}'s", metric.title, reference), scale.unit);
    strip.caption = fmt::format(
        "Difference to {} in {}{}: every seed, the mean and its {:g} % interval. Equivalent: the interval "
        "lies inside "
        "the shaded margin of ± {}.",
        reference, metric.title, in_group(study, group), (2 * study.statistics.confidence - 1) * 100,
        margin_text(metric, margin));
    strip.unit = scale.unit;
    strip.factor = scale.factor;
    strip.column = name + " difference";
    strip.shaded = stats::Interval{-margin, margin};
    strip.with_zero = true;
    const auto base = a.values(group, study.reference, metric);
    bool any = false;
    for (std::size_t arm = 0; arm < study.arms.size(); ++arm) {
      if (arm == study.reference) continue;
      StripRow row{arm, {}, {}};
      for (const auto& [seed, v] : a.values(group, arm, metric))
        if (const auto r = base.find(seed); r != base.end()) row.values[seed] = v - r->second;
      if (const auto& e = a.comparison(group, arm, metric).equivalence) row.interval = e->interval;
      any = any || !row.values.empty();
      strip.rows.push_back(std::move(row));
    }
    if (any) out.push_back(draw(study, strip));
  }
  return out;
}

std::optional<double> distance(const record::Figures& f, const record::Figures& reference) {
  double sum = 0;
  int n = 0;
  for (const auto& m : metrics())
    if (const auto& a = f.*m.figure, &b = reference.*m.figure; a && b) {
      sum += std::abs(*a - *b);
      ++n;
    }
  return n > 0 ? std::optional(sum / n) : std::nullopt;
}

Chart pareto(const Analysis& a, std::size_t group) {
  const auto& study = a.study();
  struct Point {
    std::size_t arm;
    stats::Estimate time, gap;
  };
  std::vector<Point> points;
  std::vector<double> times, gaps;
  for (std::size_t arm = 0; arm < study.arms.size(); ++arm) {
    Analysis::Values gap;
    for (const auto* cell : study.cells_of(group, arm))
      for (const auto* r : study.cells_of(group, study.reference))
        if (cell->run && r->run && r->seed == cell->seed)
          if (const auto d = distance(cell->run->summary.final, r->run->summary.final))
            gap[cell->seed] = *d * 100;
    const auto time = a.values(group, arm, [](const Cell&, const CellFigures& f) { return f.latency; });
    if (gap.empty() || time.empty()) continue;
    points.push_back({arm, stats::estimate(list(time), study.statistics.confidence),
                      stats::estimate(list(gap), study.statistics.confidence)});
    for (const auto* e : {&points.back().time, &points.back().gap}) {
      auto& values = e == &points.back().time ? times : gaps;
      values.push_back(e->mean);
      if (e->interval && e->n >= fewest_pairs) values.push_back(std::max(0.0, e->interval->high));
    }
  }
  Chart chart;
  chart.id = group_id(study, "pareto", group);
  const auto& reference = study.arms[study.reference].name;
  chart.caption = fmt::format(
      "Time to erase against distance to {}{}: means and {:g} % intervals over the seeds; nearer the lower "
      "left is "
      "better, the line joins the arms that none beats in both. Distance: the mean over the five metrics of "
      "the absolute "
      "difference, in pp (membership AUC in hundredths). Arms that never erased are not in it.",
      reference, in_group(study, group), study.statistics.confidence * 100);
  chart.data = {chart.id,
                chart.caption,
                {{"arm", "", false},
                 {"time to erase", "s", true},
                 {"time low", "s", true},
                 {"time high", "s", true},
                 {"distance", "pp", true},
                 {"distance low", "pp", true},
                 {"distance high", "pp", true}},
                {},
                false};
  svg::Plot plot(chart.caption, svg::axis_of_durations("time from request to first erased model (s)", times),
                 svg::axis_over(fmt::format("mean distance to {} (pp)", reference), gaps, true), 420, 290);
  auto sorted = points;
  std::sort(sorted.begin(), sorted.end(), [](const auto& l, const auto& r) {
    return std::pair(l.time.mean, l.gap.mean) < std::pair(r.time.mean, r.gap.mean);
  });
  svg::Points front;
  for (const auto& p : sorted)
    if (front.empty() || p.gap.mean < front.back().second) front.emplace_back(p.time.mean, p.gap.mean);
  if (front.size() > 1) plot.line({7 + 8}, front);
  for (const auto& p : points) {
    const Style style{colour_of(study, p.arm)};
    const auto low = [](const stats::Estimate& e) {
      return std::max(0.0, e.interval ? e.interval->low : e.mean);
    };
    const auto high = [](const stats::Estimate& e) { return e.interval ? e.interval->high : e.mean; };
    plot.segment(style, low(p.time), p.gap.mean, high(p.time), p.gap.mean);
    plot.segment(style, p.time.mean, low(p.gap), p.time.mean, high(p.gap));
    const auto& name = study.arms[p.arm].name;
    plot.dot(
        style, p.time.mean, p.gap.mean,
        fmt::format("{}: {} [{:.3g}, {:.3g}], {:.2f} pp [{:.2f}, {:.2f}]", name, seconds_text(p.time.mean),
                    low(p.time), high(p.time), p.gap.mean, low(p.gap), high(p.gap)),
        5);
    plot.key(style, name);
    std::vector<TableCell> row{text_cell(name)};
    for (double v : {p.time.mean, low(p.time), high(p.time), p.gap.mean, low(p.gap), high(p.gap)})
      row.push_back(number_cell(fmt::format("{:.4g}", v), v));
    chart.data.rows.push_back(std::move(row));
  }
  chart.svg = plot.finish();
  return chart;
}

Chart latency_distributions(const Analysis& a, std::size_t group) {
  const auto& study = a.study();
  std::vector<std::pair<std::size_t, std::vector<double>>> arms;
  std::vector<double> all;
  for (std::size_t arm = 0; arm < study.arms.size(); ++arm) {
    std::vector<double> values;
    for (const auto* cell : study.cells_of(group, arm))
      if (const auto* f = a.figures(*cell))
        values.insert(values.end(), f->latencies.begin(), f->latencies.end());
    if (values.empty()) continue;
    std::sort(values.begin(), values.end());
    all.insert(all.end(), values.begin(), values.end());
    arms.emplace_back(arm, std::move(values));
  }
  Chart chart;
  chart.id = group_id(study, "latency", group);
  chart.caption = fmt::format(
      "Latency{}: the share of requests that were served within a time, from the request to the first "
      "published model "
      "without the influence. Arms that never erased are not in it.",
      in_group(study, group));
  chart.data = {
      chart.id, chart.caption, {{"arm", "", false}, {"latency", "s", true}, {"share", "", true}}, {}, false};
  auto y = svg::Axis{"share of requests", 0, 1.04, false, {}};
  const auto x = svg::axis_of_durations("time from request to first erased model (s)", all);
  svg::Plot plot(chart.caption, x, y);
  for (const auto& [arm, values] : arms) {
    const Style style{colour_of(study, arm)};
    const auto& name = study.arms[arm].name;
    svg::Points points{{x.low, 0}};
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double share = static_cast<double>(i + 1) / static_cast<double>(values.size());
      points.emplace_back(values[i], share);
      chart.data.rows.push_back({text_cell(name), number_cell(fmt::format("{:.4g}", values[i]), values[i]),
                                 number_cell(fmt::format("{:.3g}", share), share)});
    }
    points.emplace_back(x.high, 1);
    plot.steps(style, points);
    for (std::size_t i = 1; i + 1 < points.size(); ++i)
      plot.dot(
          style, points[i].first, points[i].second,
          fmt::format("{}: {:.0f} % within {}", name, points[i].second * 100, seconds_text(points[i].first)),
          2.5);
    plot.key(style, name);
  }
  chart.svg = plot.finish();
  return chart;
}

}  // namespace afu::report
