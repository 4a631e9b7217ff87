#pragma once
/// A report before it is HTML, Markdown, LaTeX or CSV.
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace afu::page {

struct Column {
  std::string name;
  std::string unit;  ///< of the CSV's values; empty: none
  bool numeric = true;
  std::string aside{};  ///< for people: stands behind the name, " (majority class 50.0 %)"
};
/// What people read at its head: values in seconds stand there without their unit, others carry theirs.
std::string heading(const Column& column);

struct TableCell {
  enum class Mark { plain, good, bad, open };
  std::string text;  ///< for people
  std::string csv;   ///< for programs: no units, no rounding; empty: absent
  Mark mark = Mark::plain;
  /// A word on the value, in a line of its own; the mark is then the note's. Not in the CSV.
  std::string note{};
};
/// Text that a spreadsheet would take for a formula begins with ' in the CSV.
TableCell text_cell(std::string text, TableCell::Mark mark = TableCell::Mark::plain);
/// `text` for people, `value` for programs.
TableCell number_cell(std::string text, std::optional<double> value);

struct DataTable {
  std::string id;  ///< lower case, digits, '-': the name of its files and its anchor
  std::string caption;
  std::vector<Column> columns;
  std::vector<std::vector<TableCell>> rows;
  bool folded = false;  ///< long: HTML shows it on demand, Markdown and LaTeX leave it to the CSV
};

struct Chart {
  std::string id, caption;
  std::string svg;  ///< complete, of the classes in chart_style.cpp; or several panels (svg::panels)
  DataTable data;   ///< what it shows
  bool wide = false;
  std::string file{};  ///< the picture as a file of its own, where it is not svg::standalone(svg)
};

struct Paragraph {
  std::string text;
};
struct Preformatted {
  std::string title, text;
};

/// Tables behind one line that opens them; Markdown has them in full.
struct Folded {
  std::string id, title;
  std::vector<DataTable> tables;
};

struct Section {
  std::string id, title;
  std::vector<std::variant<Paragraph, DataTable, Chart, Preformatted, Folded>> parts;
};

struct Document {
  std::string title, subtitle;
  std::vector<Section> sections;
  std::vector<DataTable> files{};  ///< only as CSV: neither the page nor the Markdown has them
};

/// RFC 4180 with '\n': a header "name (unit)", then one line a row.
std::string to_csv(const DataTable& table);

/// Every table of the sections, those of the charts included, in order.
std::vector<const DataTable*> tables_of(const Document& document);

std::string to_html(const Document& document);
std::string to_markdown(const Document& document);
/// The width that a table takes at most: the text of an article at 10 points.
inline constexpr double latex_width = 345;
/// For booktabs and array; all text is escaped. One `table` environment, or several where the columns do not
/// fit `latex_width` or the rows a page: each begins with the columns that tell what a row is of.
std::string to_latex(const DataTable& table);

}  // namespace afu::page
