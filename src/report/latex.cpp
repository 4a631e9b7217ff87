#include <string_view>
#include <utility>
#include <vector>

#include "report/document.hpp"

namespace afu::report {

namespace {

std::string tex(const std::string& text) {
  // UTF-8 that a plain LaTeX font has no glyph for, and characters with a meaning.
  static const std::vector<std::pair<std::string_view, std::string_view>> replaced{
      {"±", "$\\pm$"},
      {"–", "--"},
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
      {">", "$>$"}};
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view rest(text.data() + i, text.size() - i);
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

}  // namespace

std::string to_latex(const DataTable& t) {
  std::string form, head;
  for (const auto& c : t.columns) {
    form += c.numeric ? 'r' : 'l';
    head += (head.empty() ? "" : " & ") + tex(heading(c));
  }
  auto out = "\\begin{table}\n\\centering\n\\caption{" + tex(t.caption) + "}\n\\label{tab:" + t.id +
             "}\n\\begin{tabular}{" + form + "}\n\\toprule\n" + head + " \\\\\n\\midrule\n";
  for (const auto& row : t.rows) {
    std::string line;
    for (const auto& c : row)
      line += (&c == &row.front() ? "" : " & ") + tex(c.note.empty() ? c.text : c.text + " (" + c.note + ")");
    out += line + " \\\\\n";
  }
  return out + "\\bottomrule\n\\end{tabular}\n\\end{table}\n";
}

}  // namespace afu::report
