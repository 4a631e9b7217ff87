#include "base/csv.hpp"

#include <charconv>
#include <cmath>
#include <sstream>
#include <string_view>
#include <utility>

#include "base/input_error.hpp"
#include "base/text_file.hpp"

namespace afu::base {

namespace {

std::string_view trim(std::string_view s) {
  auto first = s.find_first_not_of(" \t\r");
  if (first == s.npos) return {};
  return s.substr(first, s.find_last_not_of(" \t\r") - first + 1);
}

std::vector<std::string_view> cells(std::string_view line) {
  std::vector<std::string_view> out;
  for (;;) {
    auto comma = line.find(',');
    out.push_back(trim(line.substr(0, comma)));
    if (comma == line.npos) return out;
    line.remove_prefix(comma + 1);
  }
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& n : names) out += (out.empty() ? "" : ",") + n;
  return out;
}

}  // namespace

std::vector<CsvRow> read_csv(const std::string& file, const std::vector<std::string>& columns) {
  std::string all;
  if (const auto why = read_text_file(file, all); !why.empty()) throw InputError(file + ": " + why);
  std::istringstream in(all);

  std::vector<CsvRow> rows;
  std::string text;
  std::size_t line = 0;
  bool first = true;
  auto fail = [&](const std::string& what) {
    throw InputError(file + ":" + std::to_string(line) + ": " + what);
  };
  while (std::getline(in, text)) {
    ++line;
    std::string_view rest = text;
    if (line == 1 && rest.substr(0, 3) == "\xEF\xBB\xBF") rest.remove_prefix(3);
    rest = trim(rest);
    if (rest.empty() || rest.front() == '#') continue;
    auto fields = cells(rest);
    if (fields.size() != columns.size())
      fail("has " + std::to_string(fields.size()) + " columns, wanted " + std::to_string(columns.size()) +
           " (" + joined(columns) + ")");
    bool header = first;
    for (std::size_t i = 0; i < fields.size(); ++i) header = header && fields[i] == columns[i];
    first = false;
    if (header) continue;

    CsvRow row{line, {}};
    for (std::size_t i = 0; i < fields.size(); ++i) {
      double v = 0;
      auto [end, error] = std::from_chars(fields[i].data(), fields[i].data() + fields[i].size(), v);
      if (error != std::errc{} || end != fields[i].data() + fields[i].size() || !std::isfinite(v) || v < 0)
        fail(columns[i] + " is '" + std::string(fields[i]) + "', allowed: a finite number >= 0");
      row.values.push_back(v);
    }
    rows.push_back(std::move(row));
  }
  if (rows.empty()) throw InputError(file + ": holds no rows, wanted columns " + joined(columns));
  return rows;
}

}  // namespace afu::base
