#include "page/document.hpp"

#include <fmt/format.h>

#include <cmath>
#include <utility>

namespace afu::page {

namespace {

/// A spreadsheet takes text that begins so for a formula; the quote it then begins with is shown by none.
std::string no_formula(const std::string& text) {
  const bool formula = !text.empty() && std::string("=+-@\t\r").find(text[0]) != std::string::npos;
  return formula ? "'" + text : text;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == text.npos) return text;
  std::string out = "\"";
  for (char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

}  // namespace

std::string heading(const Column& column) {
  return column.name + column.aside + (column.unit == "s" ? " (s)" : "");
}

TableCell text_cell(std::string text, TableCell::Mark mark) {
  auto csv = no_formula(text);
  return {std::move(text), std::move(csv), mark};
}

TableCell number_cell(std::string text, std::optional<double> value) {
  return {std::move(text), value && std::isfinite(*value) ? fmt::format("{}", *value) : std::string(),
          TableCell::Mark::plain};
}

std::string to_csv(const DataTable& table) {
  std::string out;
  for (const auto& c : table.columns) {
    if (&c != &table.columns.front()) out += ',';
    out += csv_field(no_formula(c.unit.empty() ? c.name : c.name + " (" + c.unit + ")"));
  }
  out += '\n';
  for (const auto& row : table.rows) {
    for (const auto& cell : row) {
      if (&cell != &row.front()) out += ',';
      out += csv_field(cell.csv);
    }
    out += '\n';
  }
  return out;
}

std::vector<const DataTable*> tables_of(const Document& document) {
  std::vector<const DataTable*> out;
  for (const auto& section : document.sections)
    for (const auto& part : section.parts) {
      if (const auto* table = std::get_if<DataTable>(&part)) out.push_back(table);
      if (const auto* chart = std::get_if<Chart>(&part)) out.push_back(&chart->data);
      if (const auto* folded = std::get_if<Folded>(&part))
        for (const auto& table : folded->tables) out.push_back(&table);
    }
  return out;
}

}  // namespace afu::page
