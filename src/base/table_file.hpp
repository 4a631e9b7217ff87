#pragma once
/// Tables of text with a header: CSV (RFC 4180), and the same with tabs or semicolons.
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace afu::base {

struct TableRow {
  std::size_t line = 0;            ///< where it begins in the file, from 1
  std::vector<std::string> cells;  ///< as many as it has, which may not be the header's number
};

struct Table {
  std::vector<std::string> header;
  std::vector<TableRow> rows;
  /// The place of a column; none where the table has no such column.
  std::optional<std::size_t> column(const std::string& name) const;
};

/// The separator is the first of tab, comma and semicolon that the header has. A cell in double quotes may hold separators,
/// line ends and, doubled, quotes; of others the blanks around them do not count. Empty lines are skipped. `name` begins
/// messages. Throws InputError where there is no header, it is UTF-16 or has a zero byte, two of its columns have one name or one
/// has none, a quote is not closed, or text stands behind a closed one.
Table parse_table(const std::string& text, const std::string& name);
/// The same of a file.
Table read_table(const std::string& file);

/// `text` as a cell: in quotes where it needs them.
std::string table_cell(const std::string& text, char separator = ',');

}  // namespace afu::base
