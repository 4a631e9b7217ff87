/// What users of the model got after the request.
#include <fmt/format.h>

#include <algorithm>

#include "figures/figure_text.hpp"
#include "page/table_parts.hpp"
#include "page/tables.hpp"

namespace afu::page {

namespace {

std::string caption_of(const figures::Analysis& a, bool with_passing) {
  const auto& study = a.study();
  const auto margin = a.utility_margin();
  auto out = fmt::format(
      "What users of the model got, from the request on: means over the seeds ± half of the {:g} % interval. "
      "A version is served from its publication until the next; a retraining serves the version that the "
      "request found until it has caught up. Looked at: for how long, the same for all arms of a seed, that "
      "is until the first of their runs ends, and {} rounds of {} at most. Service lost: by how much the {} "
      "of what was served lay below that of the version that the request found, summed over time.",
      study.statistics.confidence * 100, figures::service_rounds, study.arms[study.reference].name,
      a.utility().title);
  if (margin)
    out +=
        fmt::format(" Below the margin: seconds in which it lay more than {:.1f} pp below.", *margin * 100);
  out +=
      " Still held: seconds in which what was served held what was to be erased; \"to the end\": in so many "
      "seeds all the time.";
  if (with_passing)
    out +=
        " Erased and useful: until the first version that passes and stays so, however long that took (time "
        "to pass).";
  return out;
}

}  // namespace

DataTable service_table(const figures::Analysis& a, std::size_t group) {
  const auto& study = a.study();
  const bool with_passing = std::any_of(study.cells.begin(), study.cells.end(), [&](const figures::Cell& c) {
    const auto* f = a.figures(c);
    return f != nullptr && f->passing_known;
  });
  auto t = begin_table(study, "service-figures", caption_of(a, with_passing), group);
  t.columns = {{"arm", "", false}, {"looked at", "s", true}, {"service lost", "pp s", true}};
  if (a.utility_margin()) t.columns.push_back({"below the margin", "s", true});
  t.columns.push_back({"still held", "s", true});
  if (with_passing) t.columns.push_back({"erased and useful", "s", true});
  bool any = false;
  for (std::size_t arm = 0; arm < study.arms.size(); ++arm) {
    const auto completed = completed_of(a, group, arm);
    const auto of = [&](auto get) {
      return a.values(group, arm,
                      [&](const figures::Cell&, const figures::CellFigures& f) -> std::optional<double> {
                        return f.service ? std::optional<double>(get(*f.service)) : std::nullopt;
                      });
    };
    const auto cell = [&](const figures::Analysis::Values& values, int digits, const char* unit = "") {
      return mean_cell(a, values, completed, 1, digits, unit);
    };
    const auto held = of([](const figures::Service& s) { return s.held; });
    any = any || !held.empty();
    std::vector<TableCell> row{text_cell(arm_name(study, arm)),
                               cell(of([](const figures::Service& s) { return s.horizon; }), 2),
                               cell(of([](const figures::Service& s) { return s.lost; }), 1, "pp s")};
    if (a.utility_margin())
      row.push_back(cell(of([](const figures::Service& s) { return s.below.value_or(0); }), 2));
    row.push_back(cell(held, 2));
    const auto to_the_end =
        of([](const figures::Service& s) { return s.held >= s.horizon && s.horizon > 0 ? 1.0 : 0.0; });
    const auto n =
        std::count_if(to_the_end.begin(), to_the_end.end(), [](const auto& v) { return v.second > 0; });
    if (n > 0) row.back().note += fmt::format("{}{} to the end", row.back().note.empty() ? "" : ", ", n);
    if (with_passing)
      row.push_back(cell(
          a.values(group, arm, [](const figures::Cell&, const figures::CellFigures& f) { return f.passing; }),
          2));
    t.rows.push_back(std::move(row));
  }
  if (!any) t.rows.clear();
  return t;
}

std::vector<std::string> without_service(const figures::Analysis& a, std::size_t group) {
  std::vector<std::string> out;
  const auto& cells = a.study().cells;
  const auto asked = [&](const figures::Cell& c) {
    return a.figures(c) && !a.figures(c)->served.held.empty();
  };
  if (a.study().untrained() || std::none_of(cells.begin(), cells.end(), asked)) return out;
  for (const auto& cell : a.study().cells)
    if (const auto* f = a.figures(cell); f != nullptr && cell.group == group && !f->without_service.empty())
      out.push_back(cell.folder == "." ? f->without_service
                                       : fmt::format("{} ({})", cell.folder, f->without_service));
  return out;
}

}  // namespace afu::page
