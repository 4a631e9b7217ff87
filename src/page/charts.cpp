#include "page/charts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "figures/constant_classifier.hpp"
#include "figures/figure_text.hpp"
#include "figures/verdicts.hpp"
#include "page/svg.hpp"

namespace afu::page {

using svg::Style;

std::size_t colour_of(const figures::Study& study, std::size_t arm) {
  if (arm == study.reference) return 0;
  if (arm == study.subject) return 1;
  std::size_t next = 2;
  for (std::size_t i = 0; i < arm; ++i) next += i != study.reference && i != study.subject;
  return next;
}

namespace {

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
  figures::Analysis::Values values;
  std::optional<figures::Interval> interval;
};

struct Strip {
  std::string id, caption, axis, unit, column;
  double factor = 1;
  std::vector<StripRow> rows;
  std::optional<figures::Interval> shaded;
  bool with_zero = false;
};

Chart draw(const figures::Study& study, const Strip& strip) {
  std::vector<double> all;
  const auto scaled = [&](double v) { return v * strip.factor; };
  for (const auto& row : strip.rows) {
    for (const auto& [seed, v] : row.values) all.push_back(scaled(v));
    if (row.interval &&
        row.values.size() >= figures::fewest_pairs) {  // of two it would dwarf all others; it is cut
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
    const double mean = scaled(figures::mean(figures::list(row.values)));
    auto title = fmt::format("{}: mean {:.4g} {}", name, mean, strip.unit);
    if (row.interval)
      title += fmt::format(" [{:.4g}, {:.4g}]", scaled(row.interval->low), scaled(row.interval->high));
    plot.dot(style, mean, at, title, 4.5);
  }
  chart.svg = plot.finish();
  return chart;
}

}  // namespace

std::vector<Chart> strips(const figures::Analysis& a, std::size_t group) {
  const auto& study = a.study();
  const auto runs = figures::runs_of(study, group);
  std::vector<Chart> out;
  for (const auto& metric : figures::metrics()) {
    const auto scale = figures::scale_of(metric);
    Strip strip;
    strip.id = study.id_of("seeds-" + dashed(metric.name), group);
    strip.axis = with_unit(std::string(metric.title) + " at the end", scale.unit);
    strip.caption = fmt::format("{} at the end{}: every seed, the mean and its {:g} % interval.",
                                figures::capitalised(metric.title), study.in_group(group),
                                study.statistics.confidence * 100);
    strip.caption += figures::majority_sentence(metric, runs);
    strip.unit = scale.unit;
    strip.factor = scale.factor;
    strip.column = metric.name;
    bool any = false;
    for (std::size_t arm = 0; arm < study.arms.size(); ++arm) {
      StripRow row{arm, a.values(group, arm, metric), {}};
      if (!row.values.empty())
        row.interval = figures::estimate(figures::list(row.values), study.statistics.confidence).interval;
      any = any || !row.values.empty();
      strip.rows.push_back(std::move(row));
    }
    const auto reference = figures::list(a.values(group, study.reference, metric));
    const auto margin = study.statistics.margins.find(metric.name);
    if (margin != study.statistics.margins.end() && !reference.empty() && study.arms.size() > 1) {
      const double mean = figures::mean(reference);
      strip.shaded = figures::Interval{mean - margin->second, mean + margin->second};
      strip.caption += fmt::format(" Shaded: {} ± {}.", study.arms[study.reference].name,
                                   figures::margin_text(metric, margin->second));
    }
    if (any) out.push_back(draw(study, strip));
  }
  return out;
}

std::vector<Chart> difference_strips(const figures::Analysis& a, std::size_t group) {
  const auto& study = a.study();
  std::vector<Chart> out;
  for (const auto& name : study.statistics.family) {
    const auto& metric = *figures::find_metric(name);
    const auto scale = figures::difference_scale_of(metric);
    const double margin = study.statistics.margins.at(name);
    const auto& reference = study.arms[study.reference].name;
    Strip strip;
    strip.id = study.id_of("difference-" + dashed(name), group);
    strip.axis = with_unit(fmt::format("{} - {}'s", metric.title, reference), scale.unit);
    strip.caption = fmt::format(
        "Difference to {} in {}{}: every seed, the mean and its {:g} % interval. Equivalent: the interval "
        "lies inside the shaded margin of ± {}.",
        reference, metric.title, study.in_group(group), (2 * study.statistics.confidence - 1) * 100,
        figures::margin_text(metric, margin));
    strip.caption += figures::majority_sentence(metric, figures::runs_of(study, group));
    if (const auto why = figures::no_better_than_constant(a, group, metric))
      strip.caption += " No power: " + *why + ".";
    strip.unit = scale.unit;
    strip.factor = scale.factor;
    strip.column = name + " difference";
    strip.shaded = figures::Interval{-margin, margin};
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

}  // namespace afu::page
