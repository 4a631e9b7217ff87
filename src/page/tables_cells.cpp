/// cells.csv: one row a cell, for other people's analyses.
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "figures/figure_text.hpp"
#include "page/across_axes.hpp"
#include "page/tables.hpp"

namespace afu::page {

namespace {

using Figure = std::optional<double>;
using record::ErasureRecord;

/// A column of figures of a completed cell.
struct CellColumn {
  std::string name, unit;
  std::function<Figure(const figures::Cell&, const figures::CellFigures&)> of;
};

/// The last of the requests to get there; nothing unless all did.
Figure last_of(const figures::Cell& c, Figure ErasureRecord::*member) {
  Figure out;
  for (const auto& e : c.run->summary.erasures) {
    if (!(e.*member)) return std::nullopt;
    out = out ? std::max(*out, *(e.*member)) : *(e.*member);
  }
  return out;
}

double sum_of(const figures::Cell& c, std::int64_t ErasureRecord::*member) {
  double out = 0;
  for (const auto& e : c.run->summary.erasures) out += static_cast<double>(e.*member);
  return out;
}

std::vector<CellColumn> cell_columns() {
  using F = figures::CellFigures;
  using S = record::Summary;
  const auto figure = [](Figure F::*m) { return [m](const figures::Cell&, const F& f) { return f.*m; }; };
  const auto service = [](Figure (*get)(const figures::Service&)) {
    return [get](const figures::Cell&, const F& f) { return f.service ? get(*f.service) : std::nullopt; };
  };
  const auto cost = [](double F::*m) {
    return [m](const figures::Cell&, const F& f) { return Figure(f.*m); };
  };
  const auto counter = [](std::uint64_t S::*m) {
    return [m](const figures::Cell& c, const F&) { return Figure(static_cast<double>(c.run->summary.*m)); };
  };
  const auto seconds = [](double S::*m) {
    return [m](const figures::Cell& c, const F&) { return Figure(c.run->summary.*m); };
  };
  const auto last = [](Figure ErasureRecord::*m) {
    return [m](const figures::Cell& c, const F&) { return last_of(c, m); };
  };
  const auto sum = [](std::int64_t ErasureRecord::*m) {
    return [m](const figures::Cell& c, const F&) { return Figure(sum_of(c, m)); };
  };
  std::vector<CellColumn> out{
      {"requests", "",
       [](const figures::Cell& c, const F&) {
         return Figure(static_cast<double>(c.run->summary.erasures.size()));
       }},
      {"requested", "s",
       [](const figures::Cell& c, const F&) {
         const auto* first = record::first_request(c.run->summary);
         return first ? first->requested_at : std::nullopt;
       }},
      {"merged", "s", last(&ErasureRecord::merged_at)},
      {"forgotten", "s", last(&ErasureRecord::forgotten_at)},
      {"time to erase", "s", figure(&F::latency)},
      {"time to pass", "s", figure(&F::passing)},
      {"service looked at", "s", service([](const figures::Service& s) { return Figure(s.horizon); })},
      {"service lost", "pp s", service([](const figures::Service& s) { return Figure(s.lost); })},
      {"below the margin", "s", service([](const figures::Service& s) { return s.below; })},
      {"still held", "s", service([](const figures::Service& s) { return Figure(s.held); })},
      {"downtime", "s", figure(&F::downtime)},
      {"throughput", "", figure(&F::throughput)},
      {"lost updates", "", sum(&ErasureRecord::lost_updates)},
      {"late updates", "", sum(&ErasureRecord::late_updates)},
      {"retained updates lost", "", figure(&F::updates_lost)}};
  for (const auto& m : figures::metrics())
    out.push_back({m.name, "", [&m](const figures::Cell&, const F& f) { return f.late.*m.figure; }});
  for (const auto& m : figures::metrics())
    out.push_back({std::string("last version: ") + m.name, "",
                   [&m](const figures::Cell& c, const F&) { return c.run->summary.final.*m.figure; }});
  for (const auto& m : figures::metrics())
    out.push_back({std::string("before: ") + m.name, "", [&m](const figures::Cell& c, const F&) {
                     return c.run->summary.before_erasure.*m.figure;
                   }});
  const auto of_test_set = [](auto get) {
    return [get](const figures::Cell& c, const F&) -> Figure {
      const auto& set = c.run->summary.test_set;
      return set ? Figure(get(*set)) : std::nullopt;
    };
  };
  out.push_back({"test set: classes", "",
                 of_test_set([](const record::SetLabels& s) { return static_cast<double>(s.classes); })});
  out.push_back({"test set: majority share", "",
                 of_test_set([](const record::SetLabels& s) { return s.majority_share; })});
  out.insert(out.end(), {{"peak excess", "", [](const figures::Cell&, const F& f) { return f.excess.peak; }},
                         {"client passes", "samples", cost(&F::client_passes)},
                         {"server passes", "samples", cost(&F::server_passes)},
                         {"stored", "bytes", cost(&F::stored_bytes)},
                         {"updates", "", counter(&S::updates)},
                         {"samples trained", "", counter(&S::samples_trained)},
                         {"traffic", "bytes", counter(&S::bytes_sent)},
                         {"virtual time", "s", seconds(&S::virtual_seconds)},
                         {"wall time", "s", seconds(&S::wall_seconds)}});
  return out;
}

}  // namespace

DataTable cells_table(const figures::Analysis& a) {
  const auto& study = a.study();
  DataTable t{
      "cells",
      "Every cell: the values of its axes, how it ended and all its figures. Where it served several "
      "requests: requested is the first, merged and forgotten the last of them, time to erase, downtime "
      "and throughput are means, updates that were lost or late and passes sums. Retained updates lost: merged ones of "
      "clients that stay, whose effect went where a model was put in the published one's place.",
      {{"arm", "", false}, {"group", "", true}, {"seed", "", true}},
      {},
      true};
  for (const auto& axis : study.axes) t.columns.push_back({axis.key, "", scale_over(axis).numeric});
  t.columns.push_back({"state", "", false});
  const auto columns = cell_columns();
  for (const auto& c : columns) t.columns.push_back({c.name, c.unit, true});
  t.columns.insert(t.columns.end(), {{"folder", "", false}, {"why", "", false}});
  const auto whole = [](std::uint64_t v) {
    return number_cell(fmt::format("{}", v), static_cast<double>(v));
  };
  for (const auto& cell : study.cells) {
    const auto* f = a.figures(cell);
    const char* state = cell.state == figures::Cell::State::completed ? "completed"
                        : cell.state == figures::Cell::State::failed  ? "failed"
                                                                      : "not run yet";
    std::vector<TableCell> row{text_cell(study.arms[cell.arm].name), whole(cell.group + 1), whole(cell.seed)};
    for (std::size_t i = 0; i < study.axes.size(); ++i)
      row.push_back(text_cell(figures::value_label(study.axes[i].values[study.group_values[cell.group][i]])));
    row.push_back(text_cell(state, cell.state == figures::Cell::State::failed    ? TableCell::Mark::bad
                                   : cell.state == figures::Cell::State::missing ? TableCell::Mark::open
                                                                                 : TableCell::Mark::plain));
    for (const auto& c : columns) {
      const auto v = f ? c.of(cell, *f) : std::nullopt;
      row.push_back(number_cell(v ? fmt::format("{:.6g}", *v) : figures::absent_text, v));
    }
    row.push_back(text_cell(cell.folder));
    row.push_back(text_cell(cell.why));
    t.rows.push_back(std::move(row));
  }
  return t;
}

}  // namespace afu::page
