#include "page/tables_distance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>
#include <string_view>

#include "figures/csv_line.hpp"
#include "figures/figure_text.hpp"

namespace afu::page {

namespace {

constexpr const char* points[] = {"merged", "plus16", "final"};

const char* title_of(const std::string& point) {
  return point == "merged" ? "at the merge" : point == "plus16" ? "16 updates later" : "late";
}

struct DistanceColumn {
  const char *figure, *title;
};
constexpr DistanceColumn distances[] = {{"forget.js", "JS"},
                                        {"forget.agreement", "agreement"},
                                        {"membership.dmia_auc", "dMIA"},
                                        {"membership.dmia_distance", "|dMIA - 0.5|"},
                                        {"triggered.js", "JS triggered"},
                                        {"parameters.absolute", "|w - w_ref|"},
                                        {"parameters.squared", "|w - w_ref|^2"},
                                        {"parameters.relative", "|w - w_ref| / |w_ref|"}};

constexpr std::string_view layer_prefix = "layer:";

bool is_of_layer(const DistanceRow& r) { return r.figure.rfind(layer_prefix, 0) == 0; }

using ByCell = std::map<std::string, double>;  ///< value by the cell's folder

/// The mean over the references of the same seed and group, at their end.
std::optional<double> reference_mean(const figures::Analysis& a, const figures::Cell& cell,
                                     const figures::Metric& metric) {
  double sum = 0, n = 0;
  for (const auto& other : a.study().cells) {
    const auto& held = a.study().distances;
    const auto* f = a.figures(other);
    if (!f || &other == &cell || other.group != cell.group || other.seed != cell.seed ||
        std::find(held.begin(), held.end(), other.arm) == held.end())
      continue;
    if (const auto v = f->late.*metric.figure) sum += *v, ++n;
  }
  return n > 0 ? std::optional(sum / n) : std::nullopt;
}

TableCell cell_of(const figures::Analysis& a, const std::vector<double>& values, double factor, int digits,
                  bool signed_value, std::size_t seeds) {
  if (values.empty()) return number_cell(figures::absent_text, std::nullopt);
  const auto e = figures::estimate(values, a.study().statistics.confidence);
  auto text = signed_value ? fmt::format("{:+.{}f}", e.mean * factor, digits)
                           : fmt::format("{:.{}f}", e.mean * factor, digits);
  if (e.interval) text += fmt::format(" ± {:.{}f}", (e.interval->high - e.mean) * factor, digits);
  auto cell = number_cell(std::move(text), e.mean);
  if (e.n < seeds) cell.note = fmt::format("{} of {}", e.n, seeds);
  return cell;
}

/// Of those cells that have one.
std::vector<double> values_of(const ByCell& by_cell, const std::vector<const figures::Cell*>& cells) {
  std::vector<double> out;
  for (const auto* c : cells)
    if (const auto v = by_cell.find(c->folder); v != by_cell.end()) out.push_back(v->second);
  return out;
}

/// The references' own distances stand at the first of each seed.
std::vector<const figures::Cell*> reference_cells(const figures::Study& study, std::size_t group) {
  std::vector<const figures::Cell*> cells;
  for (auto arm : study.distances)
    for (const auto* c : study.cells_of(group, arm)) cells.push_back(c);
  return cells;
}

}  // namespace

std::vector<DistanceRow> read_distances(const std::filesystem::path& folder) {
  const auto file = folder / "distances.csv";
  std::vector<DistanceRow> rows;
  if (!std::filesystem::exists(file)) return rows;
  std::istringstream in(figures::read_file(file));
  std::string line;
  std::size_t number = 1;
  const auto fail = [&](const std::string& reason) {
    throw figures::ReportError(fmt::format("{}:{}: {}", file.string(), number, reason));
  };
  if (!std::getline(in, line) || line != "cell,point,figure,value")
    fail("wanted the columns cell,point,figure,value");
  while (std::getline(in, line)) {
    ++number;
    const auto cells = figures::cells_of(line);
    if (cells.size() != 4) fail(fmt::format("has {} columns, wanted 4", cells.size()));
    DistanceRow row{std::string(cells[0]), std::string(cells[1]), std::string(cells[2]), {}};
    double value = 0;
    if (!cells[3].empty() && !figures::parse(cells[3], value))
      fail(fmt::format("'{}' is no number", cells[3]));
    if (!cells[3].empty() && std::isfinite(value)) row.value = value;
    rows.push_back(std::move(row));
  }
  return rows;
}

record::Figures figures_at(const figures::Run& run, const figures::CellFigures& figures,
                           const std::string& point) {
  if (point == "final") return figures.late;
  record::Figures out;
  if (figures.restarted || run.summary.erasures.empty()) return out;
  const auto& merged = run.summary.erasures.front().merged_at;
  if (!merged) return out;
  const record::MetricsRow* at_merge = nullptr;
  const record::MetricsRow* found = nullptr;
  for (const auto& row : run.rows) {
    if (row.time < *merged) continue;
    if (!at_merge || row.time == *merged) at_merge = &row;  // the last at that time holds the erasure
    if (point == "merged")
      found = at_merge;
    else if (!found && row.updates >= at_merge->updates + record::updates_until_later)
      found = &row;
  }
  if (found)
    for (const auto& m : figures::metrics()) out.*m.figure = found->*m.row;
  return out;
}

DataTable distance_table(const figures::Analysis& a) {
  const auto& study = a.study();
  std::string references;
  for (auto arm : study.distances) references += (references.empty() ? "" : ", ") + study.arms[arm].name;
  DataTable t{
      "distances",
      fmt::format(
          "Against the retrained models of {} of the same seed: forget accuracy and attack success "
          "minus their means (late), and, on what each model answers on the forget set, the "
          "Jensen-Shannon divergence, the share of equal answers, and the AUC by which the difference "
          "of the losses tells members from the target's held-out samples (0.5: it cannot), means "
          "over the references; JS triggered: on the test set with the trigger; w: the parameters, their distance is "
          "Euclidean. Means over the seeds ± half of the {:g} % interval. The last line of a group is the retrains among themselves.",
          references, study.statistics.confidence * 100),
      {},
      {},
      false};
  for (std::size_t i = 0; i < study.axes.size(); ++i) t.columns.push_back({study.axis_name(i), "", false});
  t.columns.insert(t.columns.end(), {{"arm", "", false},
                                     {"when", "", false},
                                     {"seeds", "", true},
                                     {"forget accuracy", "pp", true},
                                     {"attack success", "pp", true}});
  for (const auto& d : distances) t.columns.push_back({d.title, "", true});

  std::map<std::pair<std::string, std::string>, ByCell> values;  // by point and figure
  std::string absent;
  for (const auto& r : read_distances(study.folder))
    if (r.value)
      values[{r.point, r.figure}][r.cell] = *r.value;
    else if (!is_of_layer(r))  // of a layer that is zero in the reference there is no relative one
      absent += fmt::format("{}{}, {} {}", absent.empty() ? "" : "; ", r.cell, title_of(r.point), r.figure);
  if (!absent.empty()) t.caption += " Missing in distances.csv, and in no mean: " + absent + ".";
  if (values.empty()) return t;

  const auto add = [&](std::size_t group, const std::string& name, const char* when,
                       const std::vector<const figures::Cell*>& cells, const std::string& point) {
    std::vector<TableCell> row;
    for (std::size_t i = 0; i < study.axes.size(); ++i)
      row.push_back(text_cell(figures::value_label(study.axes[i].values[study.group_values[group][i]])));
    row.push_back(text_cell(name));
    row.push_back(text_cell(when));
    std::vector<double> forget, attack;
    std::size_t seeds = 0;
    for (const auto* c : cells) {
      const auto* f = a.figures(*c);
      seeds += values[{point, distances[0].figure}].count(c->folder);
      if (!f || point == "references") continue;
      const auto at = figures_at(*c->run, *f, point);
      for (const auto& [metric, list] : {std::pair(figures::find_metric("forget_accuracy"), &forget),
                                         {figures::find_metric("attack_success_rate"), &attack}}) {
        const auto mine = at.*metric->figure, theirs = reference_mean(a, *c, *metric);
        if (mine && theirs) list->push_back(*mine - *theirs);
      }
    }
    if (seeds == 0) return;
    row.push_back(number_cell(fmt::format("{}", seeds), static_cast<double>(seeds)));
    row.push_back(cell_of(a, forget, 100, 1, true, seeds));
    row.push_back(cell_of(a, attack, 100, 1, true, seeds));
    for (const auto& d : distances) {
      row.push_back(cell_of(a, values_of(values[{point, d.figure}], cells), 1, 3, false, seeds));
    }
    t.rows.push_back(std::move(row));
  };
  for (std::size_t g = 0; g < study.groups.size(); ++g) {
    const auto& held = study.distances;
    for (std::size_t arm = 0; arm < study.arms.size(); ++arm) {
      if (std::find(held.begin(), held.end(), arm) != held.end()) continue;
      for (const char* point : points)
        add(g, study.arms[arm].name, title_of(point), study.cells_of(g, arm), point);
    }
    if (!held.empty()) add(g, "among retrains", title_of("final"), reference_cells(study, g), "references");
  }
  return t;
}

DataTable layer_distance_table(const figures::Analysis& a) {
  const auto& study = a.study();
  DataTable t{
      "distances-layers",
      fmt::format(
          "Distance of parameters to the retrained models of the same seed, by layer, at the end: Euclidean, its "
          "square, and relative to the layer's length in the reference. Means over the references and the seeds "
          "± half of the {:g} % interval; among retrains: of these among themselves.",
          study.statistics.confidence * 100),
      {},
      {},
      true};
  for (std::size_t i = 0; i < study.axes.size(); ++i) t.columns.push_back({study.axis_name(i), "", false});
  t.columns.insert(t.columns.end(), {{"arm", "", false},
                                     {"layer", "", false},
                                     {"seeds", "", true},
                                     {"|w - w_ref|", "", true},
                                     {"|w - w_ref|^2", "", true},
                                     {"|w - w_ref| / |w_ref|", "", true}});
  constexpr const char* figures_of_layer[] = {"absolute", "squared", "relative"};
  std::vector<std::string> layers;                               // in the network's order
  std::map<std::pair<std::string, std::string>, ByCell> values;  // by point and figure
  for (const auto& r : read_distances(study.folder)) {
    if (!is_of_layer(r) || !r.value || (r.point != "final" && r.point != "references")) continue;
    values[{r.point, r.figure}][r.cell] = *r.value;
    const auto layer = r.figure.substr(0, r.figure.rfind('.'));
    if (std::find(layers.begin(), layers.end(), layer) == layers.end()) layers.push_back(layer);
  }
  const auto add = [&](std::size_t group, const std::string& name,
                       const std::vector<const figures::Cell*>& cells, const std::string& point) {
    for (const auto& layer : layers) {
      const auto& there = values[{point, layer + "." + figures_of_layer[0]}];
      const auto seeds = static_cast<std::size_t>(std::count_if(
          cells.begin(), cells.end(), [&](const figures::Cell* c) { return there.count(c->folder) > 0; }));
      if (seeds == 0) continue;
      std::vector<TableCell> row;
      for (std::size_t i = 0; i < study.axes.size(); ++i)
        row.push_back(text_cell(figures::value_label(study.axes[i].values[study.group_values[group][i]])));
      row.push_back(text_cell(name));
      row.push_back(text_cell(layer.substr(layer_prefix.size())));
      row.push_back(number_cell(fmt::format("{}", seeds), static_cast<double>(seeds)));
      for (const char* figure : figures_of_layer)
        row.push_back(
            cell_of(a, values_of(values[{point, layer + "." + figure}], cells), 1, 4, false, seeds));
      t.rows.push_back(std::move(row));
    }
  };
  for (std::size_t g = 0; g < study.groups.size(); ++g) {
    const auto& held = study.distances;
    for (std::size_t arm = 0; arm < study.arms.size(); ++arm)
      if (std::find(held.begin(), held.end(), arm) == held.end())
        add(g, study.arms[arm].name, study.cells_of(g, arm), "final");
    add(g, "among retrains", reference_cells(study, g), "references");
  }
  return t;
}

}  // namespace afu::page
