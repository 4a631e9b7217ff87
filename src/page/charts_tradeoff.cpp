/// How soon, and how near to the reference.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "figures/figure_text.hpp"
#include "figures/verdicts.hpp"
#include "page/charts.hpp"
#include "page/svg.hpp"

namespace afu::page {

using svg::Style;

namespace {

/// All in [0, 1], and each of another set, or asked in another way.
const std::vector<const figures::Metric*>& distance_metrics() {
  static const std::vector<const figures::Metric*> all{
      figures::find_metric("test_accuracy"), figures::find_metric("forget_accuracy"),
      figures::find_metric("retain_accuracy"), figures::find_metric("attack_success_rate"),
      figures::find_metric("mia_auc")};
  return all;
}

}  // namespace

std::optional<double> distance(const record::Figures& f, const record::Figures& reference) {
  double sum = 0;
  int n = 0;
  for (const auto* m : distance_metrics())
    if (const auto& a = f.*m->figure, &b = reference.*m->figure; a && b) {
      sum += std::abs(*a - *b);
      ++n;
    }
  return n > 0 ? std::optional(sum / n) : std::nullopt;
}

Chart pareto(const figures::Analysis& a, std::size_t group) {
  const auto& study = a.study();
  struct Point {
    std::size_t arm;
    figures::Estimate time, gap;
  };
  std::vector<Point> points;
  std::vector<double> times, gaps;
  std::string lacking;
  const auto has = [](const figures::CellFigures& mine, const figures::CellFigures& theirs,
                      const figures::Metric& m) {
    return (mine.late.*m.figure).has_value() && (theirs.late.*m.figure).has_value();
  };
  for (std::size_t arm = 0; arm < study.arms.size(); ++arm) {
    figures::Analysis::Values gap;
    for (const auto* cell : study.cells_of(group, arm))
      for (const auto* r : study.cells_of(group, study.reference))
        if (const auto* mine = a.figures(*cell), *theirs = a.figures(*r);
            mine && theirs && r->seed == cell->seed) {
          const auto& compared = distance_metrics();
          const bool whole = std::all_of(compared.begin(), compared.end(), [&](const figures::Metric* m) {
            return has(*mine, *theirs, *m) || a.unjudged(group, arm, *m).empty();
          });
          const auto d = whole ? distance(mine->late, theirs->late) : std::nullopt;
          if (d) gap[cell->seed] = *d * 100;
          if (!whole) lacking += (lacking.empty() ? "" : ", ") + cell->folder;
        }
    const auto time =
        a.values(group, arm, [](const figures::Cell&, const figures::CellFigures& f) { return f.latency; });
    if (gap.empty() || time.empty()) continue;
    points.push_back({arm, figures::estimate(figures::list(time), study.statistics.confidence),
                      figures::estimate(figures::list(gap), study.statistics.confidence)});
    for (const auto* e : {&points.back().time, &points.back().gap}) {
      auto& values = e == &points.back().time ? times : gaps;
      values.push_back(e->mean);
      if (e->interval && e->n >= figures::fewest_pairs) values.push_back(std::max(0.0, e->interval->high));
    }
  }
  Chart chart;
  chart.id = study.id_of("pareto", group);
  const auto& reference = study.arms[study.reference].name;
  chart.caption = fmt::format(
      "Time to erase against distance to {}{}: means and {:g} % intervals over the seeds; nearer the lower "
      "left is better, the line joins the arms that none beats in both. Distance: the mean over test, forget "
      "and retain accuracy, attack success and membership AUC of the absolute difference, in pp (AUC in "
      "hundredths). Arms that never erased are not in it.",
      reference, study.in_group(group), study.statistics.confidence * 100);
  if (!lacking.empty())
    chart.caption += " Nor are cells that lack a metric, or whose reference does: " + lacking + ".";
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
    const auto low = [](const figures::Estimate& e) {
      return std::max(0.0, e.interval ? e.interval->low : e.mean);
    };
    const auto high = [](const figures::Estimate& e) { return e.interval ? e.interval->high : e.mean; };
    plot.segment(style, low(p.time), p.gap.mean, high(p.time), p.gap.mean);
    plot.segment(style, p.time.mean, low(p.gap), p.time.mean, high(p.gap));
    const auto& name = study.arms[p.arm].name;
    plot.dot(style, p.time.mean, p.gap.mean,
             fmt::format("{}: {} [{:.3g}, {:.3g}], {:.2f} pp [{:.2f}, {:.2f}]", name,
                         figures::seconds_text(p.time.mean), low(p.time), high(p.time), p.gap.mean,
                         low(p.gap), high(p.gap)),
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

Chart latency_distributions(const figures::Analysis& a, std::size_t group) {
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
  chart.id = study.id_of("latency", group);
  chart.caption = fmt::format(
      "Latency{}: the share of requests that were served within a time, from the request to the first "
      "published model without the influence. Arms that never erased are not in it.",
      study.in_group(group));
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
      plot.dot(style, points[i].first, points[i].second,
               fmt::format("{}: {:.0f} % within {}", name, points[i].second * 100,
                           figures::seconds_text(points[i].first)),
               2.5);
    plot.key(style, name);
  }
  chart.svg = plot.finish();
  return chart;
}

}  // namespace afu::page
