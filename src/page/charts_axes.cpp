/// Figures against an axis' values: charts and the table.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "figures/constant_classifier.hpp"
#include "figures/figure_text.hpp"
#include "figures/verdicts.hpp"
#include "page/across_axes.hpp"
#include "page/charts.hpp"
#include "page/svg.hpp"

namespace afu::page {

using svg::Style;

namespace {

constexpr std::size_t most_panels = 6;
constexpr double plot_width = 400, plot_height = 250;
constexpr double inner_width = plot_width - 72;  ///< less the margins of svg::Plot
constexpr double letter = 6.4;

struct AxisFigure {
  std::string id, title, unit;
  double factor = 1;
  bool duration = false;
  figures::Analysis::Figure of;
  const figures::Metric* metric = nullptr;
};

std::vector<AxisFigure> axis_figures() {
  const auto member = [](std::optional<double> figures::CellFigures::*m) {
    return [m](const figures::Cell&, const figures::CellFigures& f) { return f.*m; };
  };
  std::vector<AxisFigure> out{
      {"time-to-erase", "time to erase", "s", 1, true, member(&figures::CellFigures::latency)},
      {"downtime", "downtime", "s", 1, true, member(&figures::CellFigures::downtime)},
      {"throughput", "retained throughput ratio", "", 1, false, member(&figures::CellFigures::throughput)}};
  for (const char* name :
       {"test_accuracy", "balanced_accuracy", "test_auc", "attack_success_rate", "mia_auc"}) {
    const auto& metric = *figures::find_metric(name);
    const auto scale = figures::scale_of(metric);
    out.push_back(
        {name, metric.title + std::string(" at the end"), scale.unit, scale.factor, false,
         [&metric](const figures::Cell&, const figures::CellFigures& f) { return f.late.*metric.figure; },
         &metric});
    std::replace(out.back().id.begin(), out.back().id.end(), '_', '-');
  }
  return out;
}

std::string id_of(const figures::Study& study, std::size_t axis, const std::string& what) {
  auto name = study.axis_name(axis);
  for (char& c : name) {
    const auto byte = static_cast<unsigned char>(c);
    c = std::isalnum(byte) ? static_cast<char>(std::tolower(byte)) : '-';
  }
  return "axis-" + name + (what.empty() ? "" : "-" + what);
}

/// "factor and share"
std::string other_axes(const figures::Study& study, std::size_t axis) {
  std::vector<std::string> names;
  for (auto other : varied_axes(study))
    if (other != axis) names.push_back(study.axis_name(other));
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i)
    out += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
  return out;
}

std::string averaged_over(const figures::Study& study, std::size_t axis, std::size_t lanes) {
  return fmt::format(
      "Averaged over the {} combinations of {}: the mean over them seed by seed, then over the seeds; a seed "
      "counts where it has the figure in every combination.",
      lanes, other_axes(study, axis));
}

/// Of every lane, the group at this value.
std::vector<std::size_t> groups_at(const std::vector<Lane>& lanes, std::size_t value) {
  std::vector<std::size_t> out;
  for (const auto& lane : lanes)
    if (lane.groups.at(value)) out.push_back(*lane.groups[value]);
  return out;
}

/// Points of one panel: by arm and value of the axis; n = 0 where there are none.
struct Drawn {
  std::string name;
  std::vector<std::vector<figures::Estimate>> of;
};

Drawn drawn_of(const figures::Analysis& a, const std::vector<Lane>& lanes, std::size_t values,
               const AxisFigure& figure) {
  Drawn d;
  if (lanes.size() == 1) d.name = lanes.front().name;
  for (std::size_t arm = 0; arm < a.study().arms.size(); ++arm) {
    d.of.emplace_back();
    for (std::size_t v = 0; v < values; ++v) {
      auto seeds = figures::list(mean_over(a, groups_at(lanes, v), arm, figure.of));
      for (double& s : seeds) s *= figure.factor;
      d.of.back().push_back(seeds.empty() ? figures::Estimate{}
                                          : figures::estimate(seeds, a.study().statistics.confidence));
    }
  }
  return d;
}

/// None of these figures is ever below 0, and shares end at 100 %.
double low_of(const figures::Estimate& e) { return std::max(0.0, e.interval ? e.interval->low : e.mean); }
double high_of(const figures::Estimate& e, const AxisFigure& figure) {
  const double high = e.interval ? e.interval->high : e.mean;
  return figure.unit == "%" ? std::min(100.0, high) : high;
}

svg::Axis figure_axis(const AxisFigure& figure, const std::vector<Drawn>& panels) {
  std::vector<double> all;
  for (const auto& p : panels)
    for (const auto& arm : p.of)
      for (const auto& e : arm) {
        if (e.n == 0) continue;
        all.push_back(e.mean);
        if (e.n < figures::fewest_pairs) continue;  // of two it would dwarf all others; it is cut
        // Towards 0 a logarithmic axis would take any number of decades: there the bar ends at the frame.
        if (!figure.duration) all.push_back(low_of(e));
        all.push_back(high_of(e, figure));
      }
  const auto title = figure.unit.empty() ? figure.title : figure.title + " (" + figure.unit + ")";
  if (figure.duration) {
    auto y = svg::axis_of_durations(title, all);
    if (*std::max_element(all.begin(), all.end()) == 0) y.high = 1;
    if (y.logarithmic) y.title += ", logarithmic";
    return y;
  }
  auto y = svg::axis_over(title, all);
  if (figure.unit == "%") {
    y.low = std::max(y.low, -3.0);
    y.high = std::min(y.high, 103.0);
  }
  return y;
}

/// At most `letters` of UTF-8.
std::string shortened(std::string text, std::size_t letters) {
  const auto begins = [](char c) { return (c & 0xC0) != 0x80; };
  if (static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins)) <= letters) return text;
  std::size_t end = 0;
  for (std::size_t seen = 0; end < text.size(); ++end)
    if (begins(text[end]) && ++seen == letters) break;
  return text.substr(0, end) + "…";
}

svg::Axis value_axis(const figures::Study& study, std::size_t axis, const AxisScale& scale) {
  const auto n = static_cast<double>(scale.at.size());
  const double room = scale.numeric ? 0.07 : 0.5 / n;
  svg::Axis x{study.axis_name(axis), -room, 1 + room, false, {}};
  if (scale.logarithmic) x.title += " (logarithmic)";
  const auto most_letters = static_cast<std::size_t>(std::max(4.0, inner_width / n / letter - 1));
  std::vector<std::pair<double, std::string>> marks;
  for (std::size_t v = 0; v < scale.at.size(); ++v) {
    auto label = figures::value_label(study.axes[axis].values[v]);
    if (!scale.numeric) label = shortened(std::move(label), most_letters);
    marks.emplace_back(scale.at[v], std::move(label));
  }
  std::sort(marks.begin(), marks.end());
  x.marks = std::move(marks);
  return x;
}

/// The axis' values from left to right.
std::vector<std::size_t> in_order(const AxisScale& scale) {
  std::vector<std::size_t> out(scale.at.size());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = i;
  std::sort(out.begin(), out.end(), [&](auto l, auto r) { return scale.at[l] < scale.at[r]; });
  return out;
}

/// How far apart arms stand at one value, so that their intervals do not cover each other.
double step_between(const AxisScale& scale, std::size_t arms) {
  double gap = 1;
  const auto order = in_order(scale);
  for (std::size_t i = 1; i < order.size(); ++i)
    gap = std::min(gap, scale.at[order[i]] - scale.at[order[i - 1]]);
  return std::min(0.006, 0.6 * gap / static_cast<double>(arms));
}

bool has_any(const std::vector<figures::Estimate>& points) {
  return std::any_of(points.begin(), points.end(), [](const auto& e) { return e.n > 0; });
}

struct Picture {
  const figures::Study& study;
  std::size_t axis;
  const AxisFigure& figure;
  AxisScale scale;
  svg::Axis x, y;
  std::vector<std::size_t> shown;  ///< arms that have the figure anywhere

  void draw(svg::Plot& plot, const Drawn& panel) const {
    const double step = step_between(scale, shown.size());
    const auto order = in_order(scale);
    for (const bool dots : {false, true})  // all dots above all lines
      for (std::size_t i = 0; i < shown.size(); ++i) {
        const double shift = step * (static_cast<double>(i) - 0.5 * static_cast<double>(shown.size() - 1));
        const Style style{colour_of(study, shown[i])};
        svg::Points stretch;
        for (auto v : order) {
          const auto& e = panel.of[shown[i]][v];
          const double at = scale.at[v] + shift;
          if (e.n == 0) {
            plot.line(style, stretch);
            stretch.clear();
          } else if (dots) {
            plot.dot(style, at, e.mean, tip(shown[i], v, e), 3);
          } else {
            stretch.emplace_back(at, e.mean);
            if (e.interval) plot.segment(style, at, low_of(e), at, high_of(e, figure));
          }
        }
        plot.line(style, stretch);
      }
  }

  std::string tip(std::size_t arm, std::size_t v, const figures::Estimate& e) const {
    auto out = fmt::format("{}, {} {}: {:.4g}", study.arms[arm].name, study.axis_name(axis),
                           figures::value_label(study.axes[axis].values[v]), e.mean);
    if (!figure.unit.empty()) out += " " + figure.unit;
    if (e.interval) out += fmt::format(" [{:.3g}, {:.3g}]", low_of(e), high_of(e, figure));
    return out + ", " + figures::counted(e.n, "seed");
  }

  void tabulate(DataTable& t, const Drawn& panel) const {
    for (auto arm : shown)
      for (auto v : in_order(scale)) {
        const auto& e = panel.of[arm][v];
        if (e.n == 0) continue;
        std::vector<TableCell> row{text_cell(study.arms[arm].name), text_cell(panel.name),
                                   text_cell(figures::value_label(study.axes[axis].values[v])),
                                   number_cell(fmt::format("{}", e.n), static_cast<double>(e.n))};
        const auto low = e.interval ? std::optional(low_of(e)) : std::nullopt;
        const auto high = e.interval ? std::optional(high_of(e, figure)) : std::nullopt;
        for (auto value : {std::optional(e.mean), low, high})
          row.push_back(number_cell(value ? fmt::format("{:.4g}", *value) : figures::absent_text, value));
        t.rows.push_back(std::move(row));
      }
  }
};

}  // namespace

std::vector<Chart> axis_charts(const figures::Analysis& a, std::size_t axis) {
  const auto& study = a.study();
  const auto lanes = lanes_of(study, axis);
  const auto values = study.axes[axis].values.size();
  const bool apart = lanes.size() > 1 && lanes.size() <= most_panels;
  const auto scale = scale_over(study.axes[axis]);
  std::vector<Chart> out;
  for (const auto& figure : axis_figures()) {
    std::vector<Drawn> panels;
    if (apart)
      for (const auto& lane : lanes) panels.push_back(drawn_of(a, {lane}, values, figure));
    else
      panels.push_back(drawn_of(a, lanes, values, figure));
    std::vector<std::size_t> shown;
    std::string without;
    for (std::size_t arm = 0; arm < study.arms.size(); ++arm)
      if (std::any_of(panels.begin(), panels.end(), [&](const Drawn& p) { return has_any(p.of[arm]); }))
        shown.push_back(arm);
      else
        without += (without.empty() ? "" : ", ") + study.arms[arm].name;
    if (shown.empty()) continue;

    Chart chart;
    chart.id = id_of(study, axis, figure.id);
    chart.wide = apart;
    chart.caption = fmt::format("{} against {}: means over the seeds and {:g} % t-intervals.",
                                figures::capitalised(figure.title), study.axes[axis].key,
                                study.statistics.confidence * 100);
    if (apart)
      chart.caption += fmt::format(" One panel a combination of {}.", other_axes(study, axis));
    else if (lanes.size() > 1)
      chart.caption += " " + averaged_over(study, axis, lanes.size());
    if (figure.metric != nullptr)
      chart.caption += figures::majority_sentence(*figure.metric, figures::runs_of(study));
    if (!without.empty()) chart.caption += fmt::format(" Not in it, for want of the figure: {}.", without);
    chart.data = {chart.id,
                  chart.caption,
                  {{"arm", "", false},
                   {"at", "", false},
                   {study.axes[axis].key, "", scale.numeric},
                   {"seeds", "", true},
                   {"mean", figure.unit, true},
                   {"low", figure.unit, true},
                   {"high", figure.unit, true}},
                  {},
                  false};
    const Picture picture{
        study, axis, figure, scale, value_axis(study, axis, scale), figure_axis(figure, panels), shown};
    std::vector<std::pair<Style, std::string>> keys;
    for (auto arm : shown) keys.emplace_back(Style{colour_of(study, arm)}, study.arms[arm].name);
    std::vector<svg::Panel> drawn;
    for (const auto& panel : panels) {
      const auto label =
          panel.name.empty() ? chart.caption : figures::capitalised(figure.title) + ", " + panel.name;
      svg::Plot plot(label, picture.x, picture.y, plot_width, plot_height);
      picture.draw(plot, panel);
      picture.tabulate(chart.data, panel);
      if (!apart)
        for (const auto& [style, name] : keys) plot.key(style, name);
      drawn.push_back({panel.name, plot.finish()});
    }
    chart.svg = apart ? svg::panels(drawn, keys) : drawn.front().svg;
    if (apart) chart.file = svg::standalone(drawn, keys);
    out.push_back(std::move(chart));
  }
  return out;
}

DataTable axis_table(const figures::Analysis& a, std::size_t axis) {
  const auto& study = a.study();
  const auto lanes = lanes_of(study, axis);
  const auto& values = study.axes[axis].values;
  DataTable t{id_of(study, axis, {}),
              fmt::format("Time to erase and downtime in seconds by {}: mean over the seeds ± half of the "
                          "{:g} % interval.",
                          study.axes[axis].key, study.statistics.confidence * 100),
              {{"arm", "", false}, {"figure", "", false}},
              {},
              false};
  if (lanes.size() > 1) t.caption += " " + averaged_over(study, axis, lanes.size());
  for (const auto& value : values)
    t.columns.push_back({study.axis_name(axis) + " = " + figures::value_label(value), "", true});
  for (const auto& figure : axis_figures()) {
    if (!figure.duration) continue;
    const auto all = drawn_of(a, lanes, values.size(), figure);
    for (std::size_t arm = 0; arm < study.arms.size(); ++arm) {
      if (!has_any(all.of[arm])) continue;
      std::vector<TableCell> row{text_cell(study.arms[arm].name), text_cell(figure.title)};
      for (const auto& e : all.of[arm]) {
        auto text = e.n > 0 ? fmt::format("{:.2f}", e.mean) : std::string(figures::absent_text);
        if (e.interval) text += fmt::format(" ± {:.2f}", e.interval->high - e.mean);
        row.push_back(number_cell(std::move(text), e.n > 0 ? std::optional(e.mean) : std::nullopt));
        if (e.n > 0 && e.n < study.seeds.size())
          row.back().note = fmt::format("{} of {}", e.n, study.seeds.size());
      }
      t.rows.push_back(std::move(row));
    }
  }
  return t;
}

}  // namespace afu::page
