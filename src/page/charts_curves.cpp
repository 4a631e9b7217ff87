/// Curves: what comes back after the erasure, and a single run's metrics.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "figures/constant_classifier.hpp"
#include "figures/figure_text.hpp"
#include "page/charts.hpp"
#include "page/svg.hpp"

namespace afu::page {

namespace {

/// The mean over the seeds, round by round, and its interval; as long as the shortest curve.
struct Band {
  svg::Points mean, low, high;
  std::size_t seeds = 0;
};

Band band_of(const figures::Analysis& a, std::size_t group, std::size_t arm) {
  std::vector<const figures::RoundCurve*> curves;
  for (const auto* cell : a.study().cells_of(group, arm))
    if (const auto* f = a.figures(*cell); f && !f->curve.empty()) curves.push_back(&f->curve);
  Band b;
  b.seeds = curves.size();
  if (curves.empty()) return b;
  std::size_t length = curves.front()->size();
  for (const auto* c : curves) length = std::min(length, c->size());
  for (std::size_t t = 0; t < length; ++t) {
    std::vector<double> values;
    for (const auto* c : curves) values.push_back((*c)[t] * 100);
    const auto e = figures::estimate(values, a.study().statistics.confidence);
    const double x = static_cast<double>(t);
    b.mean.emplace_back(x, e.mean);
    const auto interval = e.interval.value_or(figures::Interval{e.mean, e.mean});
    b.low.emplace_back(x, std::max(0.0, interval.low));
    b.high.emplace_back(x, std::min(100.0, interval.high));
  }
  return b;
}

svg::Axis rounds_axis(const figures::ReboundPlan& plan) {
  return {fmt::format("rounds of {} accepted updates since the erasure", plan.round_updates),
          0,
          static_cast<double>(plan.rounds + plan.tail_rounds),
          false,
          {}};
}

/// Every arm's mean in one picture.
Chart all_rebounds(const figures::Analysis& a, std::size_t group) {
  const auto& study = a.study();
  Chart chart;
  chart.id = study.id_of("rebound-all", group);
  chart.caption = fmt::format(
      "Attack success after the erasure{}, means over the seeds of every arm, as far as its shortest "
      "curve reaches; {} and {} with the {:g} % interval.",
      study.in_group(group), study.arms[study.subject].name, study.arms[study.reference].name,
      study.statistics.confidence * 100);
  chart.data = {
      chart.id, chart.caption, {{"arm", "", false}, {"round", "", true}, {"mean", "%", true}}, {}, false};
  svg::Plot plot(chart.caption, rounds_axis(study.rebound), {"attack success rate (%)", 0, 100, false, {}},
                 640, 320);
  if (study.rebound.tail_rounds > 0) plot.rule_x(static_cast<double>(study.rebound.rounds), "calibrator off");
  for (std::size_t arm = 0; arm < study.arms.size(); ++arm) {
    const auto band = band_of(a, group, arm);
    if (band.mean.empty()) continue;
    const svg::Style style{colour_of(study, arm)};
    if (arm == study.subject || arm == study.reference) plot.band(style, band.low, band.high);
    plot.line(style, band.mean);
    plot.key(style, study.arms[arm].name);
    for (const auto& [round, mean] : band.mean) {
      plot.hover(round, mean, fmt::format("{}, round {:.0f}: {:.1f} %", study.arms[arm].name, round, mean));
      chart.data.rows.push_back({text_cell(study.arms[arm].name),
                                 number_cell(fmt::format("{:.0f}", round), round),
                                 number_cell(fmt::format("{:.2f}", mean), mean)});
    }
  }
  chart.wide = true;
  chart.svg = plot.finish();
  return chart;
}

}  // namespace

std::vector<Chart> rebound_curves(const figures::Analysis& a, std::size_t group) {
  const auto& study = a.study();
  const auto& plan = study.rebound;
  std::vector<Chart> out;
  if (!plan.enabled) return out;
  if (auto all = all_rebounds(a, group); !all.data.rows.empty()) out.push_back(std::move(all));
  const auto reference = band_of(a, group, study.reference);
  for (std::size_t arm = 0; arm < study.arms.size(); ++arm) {
    const auto band = band_of(a, group, arm);
    if (band.mean.empty() || (arm == study.reference && study.arms.size() > 1)) continue;
    const auto& name = study.arms[arm].name;
    Chart chart;
    chart.id = study.id_of(fmt::format("rebound-{}", arm + 1), group);
    chart.caption = fmt::format(
        "{}{}: attack success after the erasure, mean of {} and {:g} % interval, as far as the "
        "shortest of the curves reaches.",
        name, study.in_group(group), figures::counted(band.seeds, "seed"), study.statistics.confidence * 100);
    svg::Plot plot(chart.caption, rounds_axis(plan), {"attack success rate (%)", 0, 100, false, {}});
    if (plan.tail_rounds > 0) plot.rule_x(static_cast<double>(plan.rounds), "calibrator off");
    chart.data = {chart.id,
                  chart.caption,
                  {{"arm", "", false},
                   {"round", "", true},
                   {"mean", "%", true},
                   {"low", "%", true},
                   {"high", "%", true}},
                  {},
                  false};
    const auto show = [&](std::size_t which, const Band& b) {
      if (b.mean.empty()) return;
      const svg::Style style{colour_of(study, which)};
      const auto& label = study.arms[which].name;
      plot.band(style, b.low, b.high);
      plot.line(style, b.mean);
      for (std::size_t t = 0; t < b.mean.size(); ++t) {
        const double mean = b.mean[t].second, low = b.low[t].second, high = b.high[t].second;
        plot.hover(b.mean[t].first, mean,
                   fmt::format("{}, round {}: {:.1f} % [{:.1f}, {:.1f}]", label, t, mean, low, high));
        chart.data.rows.push_back(
            {text_cell(label), number_cell(fmt::format("{}", t), static_cast<double>(t)),
             number_cell(fmt::format("{:.2f}", mean), mean), number_cell(fmt::format("{:.2f}", low), low),
             number_cell(fmt::format("{:.2f}", high), high)});
      }
      plot.key(style, label);
    };
    if (arm != study.reference) show(study.reference, reference);
    show(arm, band);
    chart.svg = plot.finish();
    out.push_back(std::move(chart));
  }
  return out;
}

std::vector<Chart> metric_curves(const figures::Run& run) {
  std::vector<Chart> out;
  for (const auto& metric : figures::metrics()) {
    const auto scale = figures::scale_of(metric);
    std::vector<const record::MetricsRow*> rows;
    std::vector<bool> behind_gap;  // of each: a version without the metric stands before it
    bool gap = false;
    for (const auto& row : run.rows) {
      const auto& v = row.*metric.row;
      if (!v || !std::isfinite(*v)) {
        gap = true;
        continue;
      }
      rows.push_back(&row);
      behind_gap.push_back(std::exchange(gap, false));
    }
    if (rows.empty()) continue;
    Chart chart;
    chart.id = std::string("curve-") + metric.name;
    std::replace(chart.id.begin(), chart.id.end(), '_', '-');
    chart.caption = fmt::format("{} of every version that was evaluated, over the run's clock.",
                                figures::capitalised(metric.title));
    chart.caption += figures::majority_sentence(metric, {&run.summary});
    if (const auto absent = run.rows.size() - rows.size(); absent > 0)
      chart.caption +=
          fmt::format(" Of {} it is missing: there the line is broken.", figures::counted(absent, "version"));
    chart.data = {
        chart.id,
        chart.caption,
        {{"time", "s", true}, {"version", "", true}, {"updates", "", true}, {metric.name, scale.unit, true}},
        {},
        false};
    std::vector<double> times;
    for (const auto* row : rows) times.push_back(row->time);
    const auto unit = *scale.unit ? fmt::format(" ({})", scale.unit) : std::string();
    svg::Axis y{metric.title + unit, 0, scale.factor, false, {}};
    if (metric.quantity == figures::Quantity::loss || metric.quantity == figures::Quantity::score) {
      std::vector<double> losses;
      for (const auto* row : rows) losses.push_back(*(row->*metric.row));
      y = svg::axis_over(y.title, losses, true);
    }
    svg::Plot plot(chart.caption, svg::axis_over("time (s)", times, true), y);
    for (const auto& e : run.summary.erasures) {
      if (!e.requested_at) continue;
      plot.rule_x(*e.requested_at, "request", true);
      if (e.forgotten_at && *e.forgotten_at > *e.requested_at) plot.rule_x(*e.forgotten_at, "forgotten");
    }
    svg::Points points;
    for (const auto* row : rows) {
      const double v = *(row->*metric.row) * scale.factor;
      points.emplace_back(row->time, v);
      chart.data.rows.push_back(
          {number_cell(fmt::format("{:.2f}", row->time), row->time),
           number_cell(fmt::format("{}", row->version), static_cast<double>(row->version)),
           number_cell(fmt::format("{}", row->updates), static_cast<double>(row->updates)),
           number_cell(fmt::format("{:.{}f}", v, *scale.unit ? 2 : 4), v)});
    }
    svg::Points stretch;
    for (std::size_t i = 0; i < points.size(); ++i) {
      if (behind_gap[i]) {
        plot.line({1}, stretch);
        stretch.clear();
      }
      stretch.push_back(points[i]);
    }
    plot.line({1}, stretch);
    for (std::size_t i = 0; i < points.size(); ++i)
      plot.hover(points[i].first, points[i].second,
                 fmt::format("version {} ({}), {:.2f} s: {:.4g}{}", rows[i]->version, rows[i]->phase,
                             points[i].first, points[i].second,
                             *scale.unit ? std::string(" ") + scale.unit : std::string()));
    chart.svg = plot.finish();
    out.push_back(std::move(chart));
  }
  return out;
}

}  // namespace afu::page
