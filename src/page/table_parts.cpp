#include "page/table_parts.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "figures/figure_text.hpp"

namespace afu::page {

namespace {

/// The mean and half its interval's width; the seeds where there is no interval.
std::string spread(const figures::Estimate& e, double factor, int digits, const std::string& unit) {
  if (e.n == 0) return figures::absent_text;
  auto out = fmt::format("{:.{}f}", e.mean * factor, digits);
  if (e.interval) out += fmt::format(" ± {:.{}f}", (e.interval->high - e.mean) * factor, digits);
  return unit.empty() ? out : out + " " + unit;
}

}  // namespace

DataTable begin_table(const figures::Study& study, const std::string& id, std::string caption,
                      std::size_t group) {
  if (!study.groups[group].empty()) caption += " " + study.groups[group] + ".";
  return {study.id_of(id, group), std::move(caption), {}, {}, false};
}

std::string arm_name(const figures::Study& study, std::size_t arm) {
  return study.arms[arm].name + (study.arms[arm].synchronous ? " (sync)" : "");
}

TableCell mean_cell(const figures::Analysis& a, const figures::Analysis::Values& values, std::size_t cells,
                    double factor, int digits, const std::string& unit) {
  const auto e = figures::estimate(figures::list(values), a.study().statistics.confidence);
  auto cell = number_cell(spread(e, factor, digits, unit), e.n > 0 ? std::optional(e.mean) : std::nullopt);
  if (e.n > 0 && e.n < cells) cell.note = fmt::format("{} of {}", e.n, cells);
  return cell;
}

std::size_t completed_of(const figures::Analysis& a, std::size_t group, std::size_t arm) {
  const auto cells = a.study().cells_of(group, arm);
  return static_cast<std::size_t>(std::count_if(cells.begin(), cells.end(), [](const figures::Cell* c) {
    return c->state == figures::Cell::State::completed;
  }));
}

}  // namespace afu::page
