/// LaTeX tables for booktabs that fit a page: of plain packages, at \footnotesize.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "page/document.hpp"

namespace afu::page {

namespace {

/// Points at \footnotesize of Computer Modern: letters of text are 4.3 on average, digits 4.25, capitals 6.
constexpr double letter = 4.5, space_between = 8;
constexpr double widest_text = 26 * letter;  ///< a column of words is broken to this
constexpr double least_text = 14 * letter;
constexpr double most_for_keys = 0.65;  ///< of the width
constexpr std::size_t most_rows = 36;   ///< of a table on a page

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// A hyphen that is a sign: before a digit, and not behind a letter or digit ("seed-3", "1-5").
bool is_sign(const std::string& text, std::size_t at) {
  const auto word = [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ')';
  };
  return text[at] == '-' && at + 1 < text.size() && (is_digit(text[at + 1]) || text[at + 1] == '.') &&
         (at == 0 || !word(text[at - 1]));
}

std::string tex(const std::string& text) {
  // UTF-8 that a plain LaTeX font has no glyph for, and characters with a meaning.
  static const std::vector<std::pair<std::string_view, std::string_view>> replaced{
      {"±", "$\\pm$"},
      {"–", "--"},
      {"…", "\\ldots{}"},
      {"×", "$\\times$"},
      {"−", "$-$"},
      {"\\", "\\textbackslash{}"},
      {"&", "\\&"},
      {"%", "\\%"},
      {"$", "\\$"},
      {"#", "\\#"},
      {"_", "\\_"},
      {"{", "\\{"},
      {"}", "\\}"},
      {"~", "\\textasciitilde{}"},
      {"^", "\\textasciicircum{}"},
      {"<", "$<$"},
      {">", "$>$"},
      {"[", "{[}"},  // behind a row it would be the argument of its end
      {"]", "{]}"}};
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view rest(text.data() + i, text.size() - i);
    if (is_sign(text, i)) {
      out += "$-$";
      ++i;
      continue;
    }
    if (static_cast<unsigned char>(text[i]) < 0x20) {  // a line break and the like
      out += ' ';
      ++i;
      continue;
    }
    bool done = false;
    for (const auto& [from, to] : replaced)
      if (rest.substr(0, from.size()) == from) {
        out += to;
        i += from.size();
        done = true;
        break;
      }
    if (!done) out += text[i++];
  }
  return out;
}

double width_of(const std::string& text) {
  const auto letters = std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
  return letter * static_cast<double>(letters);
}

/// The words of a heading, broken where a line grows wider than `width`.
std::vector<std::string> broken(const std::string& text, double width) {
  std::vector<std::string> lines;
  std::size_t at = 0;
  while (at < text.size()) {
    const auto end = std::min(text.find(' ', at), text.size());
    const auto word = text.substr(at, end - at);
    if (!lines.empty() && width_of(lines.back() + " " + word) <= width)
      lines.back() += " " + word;
    else
      lines.push_back(word);
    at = end + 1;
  }
  return lines;
}

/// Lines one above the other in a cell.
std::string stacked(const std::vector<std::string>& lines, char align, const char* vertical) {
  if (lines.size() == 1) return tex(lines.front());
  std::string out = std::string("\\begin{tabular}[") + vertical + "]{@{}" + align + "@{}}";
  for (std::size_t i = 0; i < lines.size(); ++i) out += (i > 0 ? "\\\\" : "") + tex(lines[i]);
  return out + "\\end{tabular}";
}

struct Shape {
  double width = 0;
  bool words = false;  ///< a paragraph column of this width
};

/// How wide each column is, its heading broken to what stands below it.
std::vector<Shape> shapes_of(const DataTable& t) {
  std::vector<Shape> out;
  for (std::size_t c = 0; c < t.columns.size(); ++c) {
    double content = 0;
    for (const auto& row : t.rows)
      content = std::max({content, width_of(row[c].text), width_of(row[c].note)});
    double longest_word = 0;
    for (const auto& word : broken(heading(t.columns[c]), 0))
      longest_word = std::max(longest_word, width_of(word));
    Shape s;
    s.words = !t.columns[c].numeric && content > widest_text;
    s.width = std::max(s.words ? widest_text : content, longest_word);
    out.push_back(s);
  }
  return out;
}

/// The first columns that say what a row is of: as many columns of words as tell every row from the others.
/// They stand in every part, broken where they would leave no room for others.
std::size_t key_columns(const DataTable& t, std::vector<Shape>& shapes) {
  std::size_t keys = 0;
  std::set<std::vector<std::string>> seen;
  while (keys < t.columns.size() && !t.columns[keys].numeric && seen.size() < t.rows.size()) {
    ++keys;
    seen.clear();
    for (const auto& row : t.rows) {
      std::vector<std::string> key;
      for (std::size_t c = 0; c < keys; ++c) key.push_back(row[c].text);
      seen.insert(std::move(key));
    }
  }
  keys = std::max<std::size_t>(keys, 1);
  const auto begin = shapes.begin(), end = begin + static_cast<std::ptrdiff_t>(std::min(keys, shapes.size()));
  for (std::size_t tries = 0; tries < keys; ++tries) {
    double width = 0;
    for (auto s = begin; s != end; ++s) width += s->width + space_between;
    const auto widest =
        std::max_element(begin, end, [](const Shape& l, const Shape& r) { return l.width < r.width; });
    if (width <= most_for_keys * latex_width || widest->width <= least_text) break;
    *widest = {least_text, true};
  }
  return keys;
}

/// Columns in parts that fit, each with the keys before it.
std::vector<std::vector<std::size_t>> parts_of(const DataTable& t, const std::vector<Shape>& shapes,
                                               std::size_t keys) {
  const auto width = [&](std::size_t c) { return shapes[c].width + space_between; };
  std::vector<std::size_t> first;
  double begin = 0;
  for (std::size_t c = 0; c < keys && c < t.columns.size(); ++c) {
    first.push_back(c);
    begin += width(c);
  }
  std::vector<std::vector<std::size_t>> out{first};
  double used = begin;
  for (std::size_t c = keys; c < t.columns.size(); ++c) {
    if (used + width(c) > latex_width && out.back().size() > keys) {
      out.push_back(first);
      used = begin;
    }
    out.back().push_back(c);
    used += width(c);
  }
  return out;
}

/// Words take what is left of the line.
void widen(const std::vector<std::size_t>& part, std::vector<Shape>& shapes) {
  double used = 0, texts = 0;
  for (auto c : part) {
    used += shapes[c].width + space_between;
    texts += shapes[c].words;
  }
  if (texts == 0) return;
  const double each = (latex_width - used) / texts;
  for (auto c : part)
    if (shapes[c].words) shapes[c].width = std::max(least_text, shapes[c].width + each);
}

std::string cell_of(const TableCell& c, const Column& column, const Shape& shape) {
  if (c.note.empty()) return tex(c.text);
  if (shape.words) return tex(c.text + " (" + c.note + ")");
  return stacked({c.text, c.note}, column.numeric ? 'r' : 'l', "t");
}

std::string one(const DataTable& t, std::vector<Shape> shapes, const std::vector<std::size_t>& part,
                std::size_t from, std::size_t to, const std::string& caption, const std::string& label) {
  widen(part, shapes);
  std::string form, head;
  for (auto c : part) {
    const auto& column = t.columns[c];
    form += shapes[c].words ? fmt::format(">{{\\raggedright\\arraybackslash}}p{{{:.0f}pt}}", shapes[c].width)
                            : std::string(1, column.numeric ? 'r' : 'l');
    head += (head.empty() ? "" : " & ") +
            stacked(broken(heading(column), shapes[c].width), column.numeric ? 'r' : 'l', "b");
  }
  auto out = "\\begin{table}\n\\centering\n\\footnotesize\n\\setlength{\\tabcolsep}{4pt}\n\\caption{" +
             tex(caption) + "}\n" + label + "\\begin{tabular}{@{}" + form + "@{}}\n\\toprule\n" + head +
             " \\\\\n\\midrule\n";
  for (std::size_t r = from; r < to; ++r) {
    std::string line;
    for (auto c : part)
      line += (c == part.front() ? "" : " & ") + cell_of(t.rows[r][c], t.columns[c], shapes[c]);
    out += line + " \\\\\n";
  }
  return out + "\\bottomrule\n\\end{tabular}\n\\end{table}\n";
}

/// Headings that have none of their own.
std::string what_it_is(const DataTable& t) {
  const auto end = t.caption.find(". ");
  return end == t.caption.npos ? t.caption : t.caption.substr(0, end + 1);
}

}  // namespace

std::string to_latex(const DataTable& t) {
  auto shapes = shapes_of(t);
  const auto keys = key_columns(t, shapes);
  std::string out = "% needs \\usepackage{booktabs,array}; " + std::to_string(static_cast<int>(latex_width)) +
                    " pt wide at most\n";
  bool first = true;
  const auto rows = std::max<std::size_t>(1, t.rows.size());
  for (const auto& part : parts_of(t, shapes, keys))
    for (std::size_t from = 0; from < rows; from += most_rows) {
      out += one(t, shapes, part, from, std::min(from + most_rows, t.rows.size()),
                 first ? t.caption : what_it_is(t) + " (Continued.)",
                 first ? "\\label{tab:" + t.id + "}\n" : std::string());
      first = false;
    }
  return out;
}

}  // namespace afu::page
