#pragma once
/// Small numeric CSV files: traces.
#include <cstddef>
#include <string>
#include <vector>

namespace afu::base {

struct CsvRow {
  std::size_t line = 0;  ///< in the file, from 1
  std::vector<double> values;
};

/// Reads rows of finite numbers that are >= 0, as many in a row as `columns` names. A first line with exactly
/// these names is a header; blank lines and lines that start with '#' are skipped. Throws InputError, as
/// `file:line: reason`, for anything else, and for a file without rows.
std::vector<CsvRow> read_csv(const std::string& file, const std::vector<std::string>& columns);

}  // namespace afu::base
