/// What must not be overlooked in the figures of a study's cells.
#include <fmt/format.h>

#include <set>
#include <string>
#include <vector>

#include "figures/figure_text.hpp"
#include "page/table_parts.hpp"
#include "page/tables.hpp"

namespace afu::page {
namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }

/// Without its quantities, so what the same warning has in common from cell to cell. A number behind a letter or a sign is part of
/// a name ("erasure[0]", "client/3") and stays.
std::string without_quantities(const std::string& text) {
  const auto inside = [&](std::size_t i) {
    return digit(text[i]) || (text[i] == '.' && i + 1 < text.size() && digit(text[i + 1]));
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool begins = digit(text[i]) && (i == 0 || text[i - 1] == ' ' || text[i - 1] == '(');
    if (!begins) {
      out += text[i];
      continue;
    }
    while (i + 1 < text.size() && inside(i + 1)) ++i;
    out += '#';
  }
  return out;
}

struct Kind {
  std::string key;    ///< without quantities
  std::string first;  ///< as the first cell has it
  bool differs = false;
  std::set<const figures::Cell*> cells;
  std::set<std::size_t> arms;
};

/// In the order of the cells.
std::vector<Kind> kinds_of(const figures::Study& study) {
  std::vector<Kind> kinds;
  for (const auto& cell : study.cells) {
    for (const auto& text : cell.warnings) {
      const auto key = without_quantities(text);
      auto kind = kinds.begin();
      while (kind != kinds.end() && kind->key != key) ++kind;
      if (kind == kinds.end()) kind = kinds.insert(kind, {key, text, false, {}, {}});
      kind->differs = kind->differs || kind->first != text;
      kind->cells.insert(&cell);
      kind->arms.insert(cell.arm);
    }
  }
  return kinds;
}

std::string arms_text(const figures::Study& study, const std::set<std::size_t>& arms) {
  if (arms.size() == study.arms.size()) return "all";
  std::string out;
  for (const auto arm : arms) out += (out.empty() ? "" : ", ") + study.arms[arm].name;
  return out;
}

}  // namespace

DataTable warnings_table(const figures::Study& study) {
  DataTable t{
      "warnings",
      "What the cells that ended warn of. Warnings that differ in their quantities alone share a row, with the text "
      "of the first; tables/cell-warnings.csv has each.",
      {{"cells", "", true}, {"arms", "", false}, {"warning", "", false}},
      {},
      false};
  const auto ended = study.cells.size() - study.count(figures::Cell::State::missing);
  for (const auto& kind : kinds_of(study)) {
    auto text = text_cell(kind.first);
    if (kind.differs) text.note = "the quantities differ";
    const auto cells = kind.cells.size();
    t.rows.push_back({number_cell(fmt::format("{} of {}", cells, ended), static_cast<double>(cells)),
                      text_cell(arms_text(study, kind.arms)), std::move(text)});
  }
  return t;
}

DataTable cell_warnings_table(const figures::Study& study) {
  DataTable t{"cell-warnings",
              "What the cells that ended warn of, each.",
              {{"folder", "", false}, {"warning", "", false}},
              {},
              true};
  for (const auto& cell : study.cells)
    for (const auto& text : cell.warnings) t.rows.push_back({text_cell(cell.folder), text_cell(text)});
  return t;
}

}  // namespace afu::page
