#include "base/table_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/input_error.hpp"
#include "base/text_file.hpp"

namespace afu::base {
namespace {

/// Takes one row after the other off a text.
class Rows {
 public:
  Rows(const std::string& text, const std::string& name) : text_(text), name_(name) {
    if (text_.compare(0, 3, "\xEF\xBB\xBF") == 0) at_ = 3;
    const auto end = text_.find('\n', at_);
    const auto first = text_.find_first_of("\t,;", at_);
    if (first != text_.npos && first < end) separator_ = text_[first];
  }

  /// False: there is none any more.
  bool next(TableRow& row) {
    do {
      if (at_ >= text_.size()) return false;
      row = {line_, {}};
      while (cell(row)) {
      }
    } while (row.cells.size() == 1 && row.cells.front().empty());
    return true;
  }

 private:
  [[noreturn]] void fail(std::size_t line, const char* what) const {
    throw InputError(fmt::format("{}:{}: {}", name_, line, what));
  }

  bool at_end_of_cell() const {
    return at_ >= text_.size() || text_[at_] == separator_ || text_[at_] == '\n';
  }
  static bool is_blank(char c, char separator) {
    return (c == ' ' || c == '\t' || c == '\r') && c != separator;
  }

  /// Whether another one follows in this row.
  bool cell(TableRow& row) {
    while (at_ < text_.size() && is_blank(text_[at_], separator_)) ++at_;
    row.cells.push_back(at_ < text_.size() && text_[at_] == '"' ? quoted() : plain());
    if (at_ >= text_.size()) return false;
    const bool more = text_[at_] == separator_;
    if (!more) ++line_;
    ++at_;
    if (more && at_ >= text_.size()) row.cells.emplace_back();  // a file that ends in a separator
    return more && at_ < text_.size();
  }

  std::string plain() {
    const auto from = at_;
    while (!at_end_of_cell()) ++at_;
    auto to = at_;
    while (to > from && is_blank(text_[to - 1], separator_)) --to;
    return text_.substr(from, to - from);
  }

  std::string quoted() {
    const auto opened = line_;
    std::string out;
    for (++at_;; ++at_) {
      if (at_ >= text_.size()) fail(opened, "a quote that begins here is not closed");
      if (text_[at_] == '"') {
        if (at_ + 1 >= text_.size() || text_[at_ + 1] != '"') break;
        ++at_;
      }
      if (text_[at_] == '\n') ++line_;
      out += text_[at_];
    }
    ++at_;
    while (at_ < text_.size() && is_blank(text_[at_], separator_)) ++at_;
    if (!at_end_of_cell()) fail(line_, "text behind a closed quote");
    return out;
  }

  const std::string& text_;
  const std::string& name_;
  std::size_t at_ = 0, line_ = 1;
  char separator_ = ',';
};

/// A header of names has no zero byte; that of UTF-16 and of binary files has.
void require_text(const std::string& text, const std::vector<std::string>& header, const std::string& name) {
  const bool utf16 = text.compare(0, 2, "\xFF\xFE") == 0 || text.compare(0, 2, "\xFE\xFF") == 0;
  const auto has_zero = [](const std::string& cell) { return cell.find('\0') != cell.npos; };
  if (!utf16 && std::none_of(header.begin(), header.end(), has_zero)) return;
  throw InputError(fmt::format("{}: {}, allowed is a table as text in UTF-8 (.csv, .tsv)", name,
                               utf16 ? "is text in UTF-16" : "is a binary file"));
}

}  // namespace

std::optional<std::size_t> Table::column(const std::string& name) const {
  const auto i = std::find(header.begin(), header.end(), name);
  if (i == header.end()) return std::nullopt;
  return static_cast<std::size_t>(i - header.begin());
}

Table parse_table(const std::string& text, const std::string& name) {
  Rows rows(text, name);
  TableRow row;
  if (!rows.next(row)) throw InputError(name + ": is empty, a header is expected");
  Table table;
  table.header = row.cells;
  require_text(text, table.header, name);
  std::set<std::string> seen;
  for (std::size_t i = 0; i < table.header.size(); ++i) {
    const auto& column = table.header[i];
    if (column.empty())
      throw InputError(fmt::format("{}:{}: column {} of the header has no name", name, row.line, i + 1));
    if (!seen.insert(column).second)
      throw InputError(fmt::format("{}:{}: two columns are called {:?}", name, row.line, column));
  }
  while (rows.next(row)) table.rows.push_back(row);
  return table;
}

Table read_table(const std::string& file) {
  std::string text;
  if (const auto why = read_text_file(file, text); !why.empty()) throw InputError(file + ": " + why);
  return parse_table(text, file);
}

std::string table_cell(const std::string& text, char separator) {
  const std::string special{separator, '"', '\n', '\r', '\t', ';'};
  const bool blank = !text.empty() && (text.front() == ' ' || text.back() == ' ');
  if (!blank && text.find_first_of(special) == text.npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

}  // namespace afu::base
