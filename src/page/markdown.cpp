#include <fmt/format.h>

#include "page/document.hpp"

namespace afu::page {

namespace {

/// What would be markup in a table's cell.
std::string plain(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '|' || c == '*' || c == '_' || c == '`' || c == '<' || c == '\\' || c == '[') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string text_of(const TableCell& c) { return c.note.empty() ? c.text : c.text + " (" + c.note + ")"; }

std::string markdown(const Paragraph& p) { return plain(p.text) + "\n\n"; }

std::string markdown(const DataTable& t) {
  if (t.folded) return fmt::format("{} See tables/{}.csv.\n\n", plain(t.caption), t.id);
  std::string head, line, out;
  for (const auto& c : t.columns) {
    head += "| " + plain(heading(c)) + " ";
    line += c.numeric ? "|---:" : "|---";
  }
  out = head + "|\n" + line + "|\n";
  for (const auto& row : t.rows) {
    for (const auto& c : row) out += "| " + plain(text_of(c)) + " ";
    out += "|\n";
  }
  return plain(t.caption) + "\n\n" + out + "\n";
}

std::string markdown(const Chart& c) {
  return fmt::format("- {} (charts/{}.svg; tables/{}.csv)\n", plain(c.caption), c.id, c.data.id);
}

std::string markdown(const Preformatted& p) { return plain(p.title) + "\n\n```\n" + p.text + "\n```\n\n"; }

std::string markdown(const Folded& f) {
  auto out = "### " + plain(f.title) + "\n\n";
  for (const auto& t : f.tables) out += markdown(t);
  return out;
}

}  // namespace

std::string to_markdown(const Document& d) {
  auto out = "# " + plain(d.title) + "\n\n" + plain(d.subtitle) + "\n\n";
  for (const auto& s : d.sections) {
    out += "## " + plain(s.title) + "\n\n";
    bool in_list = false;
    for (const auto& part : s.parts) {
      const bool chart = std::holds_alternative<Chart>(part);
      if (in_list && !chart) out += '\n';
      in_list = chart;
      out += std::visit([](const auto& p) { return markdown(p); }, part);
    }
    if (in_list) out += '\n';
  }
  return out;
}

}  // namespace afu::page
