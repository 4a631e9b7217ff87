/// LaTeX tables: that they fit, and what a page has of them.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "page/report.hpp"
#include "tests/figures/study_folder.hpp"

#include <doctest/doctest.h>

using namespace afu;
using namespace afu::figures;
using namespace afu::page;
namespace fs = std::filesystem;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++n;
  return n;
}

DataTable wide(std::size_t columns, std::size_t rows) {
  DataTable t{"wide", "A wide table. Its rest.", {{"arm", "", false}}, {}, false};
  for (std::size_t c = 0; c < columns; ++c) t.columns.push_back({"a figure" + std::to_string(c), "s", true});
  for (std::size_t r = 0; r < rows; ++r) {
    std::vector<TableCell> row{text_cell("arm" + std::to_string(r))};
    for (std::size_t c = 0; c < columns; ++c) row.push_back(number_cell("-12.34 ± 5.67", -12.34));
    t.rows.push_back(std::move(row));
  }
  return t;
}

}  // namespace

TEST_CASE("a minus is a minus, a hyphen stays one") {
  DataTable t{"x", "x", {{"a", "", false}, {"b", "", true}}, {}, false};
  t.rows.push_back({text_cell("afu-ic, seed-3, 1-5 [-0.4, +1.6] -2"), number_cell("-0.5", -0.5)});
  const auto tex = to_latex(t);
  CHECK(contains(tex, "afu-ic, seed-3, 1-5 {[}$-$0.4, +1.6{]} $-$2 & $-$0.5 \\\\"));
}

TEST_CASE("columns that do not fit come in tables of their own, each with the keys; so do many rows") {
  CHECK(count(to_latex(wide(2, 3)), "\\begin{table}") == 1);
  const auto tex = to_latex(wide(12, 3));
  const auto parts = count(tex, "\\begin{table}");
  CHECK(parts >= 3);
  CHECK(count(tex, "arm2 &") == parts);
  CHECK(count(tex, "\\label{tab:wide}") == 1);
  CHECK(count(tex, "\\caption{A wide table. (Continued.)}") == parts - 1);
  for (int c = 0; c < 12; ++c) CHECK(contains(tex, "figure" + std::to_string(c)));
  const auto tall = to_latex(wide(2, 100));
  CHECK(count(tall, "\\begin{table}") == 3);
  CHECK(count(tall, "\\\\\n") == 100 + 3);  // and three headings
}

TEST_CASE("every part has as many columns of words as tell its rows apart") {
  DataTable t{"x", "x", {{"arm", "", false}, {"metric", "", false}}, {}, false};
  for (int c = 0; c < 12; ++c) t.columns.push_back({"f" + std::to_string(c), "", true});
  for (const char* arm : {"a long name of an arm, the first", "a long name of an arm, the second"})
    for (const char* metric : {"attack success rate, of all versions", "membership AUC"}) {
      std::vector<TableCell> row{text_cell(arm), text_cell(metric)};
      for (int c = 0; c < 12; ++c) row.push_back(number_cell("0.123 ± 0.456", 0.123));
      t.rows.push_back(std::move(row));
    }
  const auto tex = to_latex(t);
  const auto parts = count(tex, "\\begin{table}");
  CHECK(parts >= 4);
  CHECK(count(tex, "the first & membership AUC & 0.123") == parts);
  CHECK(count(tex, "arraybackslash}p{") == 2 * parts);  // both are broken, or nothing else would fit
}

TEST_CASE("notes stand below their figures, and long words in a column of their own width") {
  DataTable t{"x", "x", {{"claim", "", false}, {"why", "", false}, {"n", "", true}}, {}, false};
  auto noted = number_cell("91.2 ± 0.3 %", 91.2);
  noted.note = "equivalent";
  t.rows.push_back({text_cell("(a) equivalent"), text_cell(std::string(300, 'w')), noted});
  const auto tex = to_latex(t);
  CHECK(contains(tex, "\\begin{tabular}[t]{@{}r@{}}91.2 $\\pm$ 0.3 \\%\\\\equivalent\\end{tabular}"));
  CHECK(contains(tex, "l>{\\raggedright\\arraybackslash}p{"));
}

TEST_CASE("every table of a study compiles with booktabs and array alone, none wider than the text") {
  if (std::system("command -v pdflatex > /dev/null 2>&1") != 0) {
    MESSAGE("skipped: pdflatex is not here (texlive-latex-recommended)");
    return;
  }
  test::SyntheticStudy made({1, 2, 3});
  made.axis("slow.straggler_factor", {"1", "2", "30", "100"});
  test::fill_good_study(made);
  test::TemporaryFolder out;
  write_report(report_on(made.folder.path()), out.path());
  std::ofstream all(out / "all.tex");
  all << "\\documentclass{article}\n\\usepackage{booktabs,array}\n\\begin{document}\n";
  std::size_t tables = 0;
  for (const auto& file : fs::directory_iterator(out / "tables"))
    if (file.path().extension() == ".tex") {
      all << "\\typeout{afu " << file.path().stem().string() << "}\\input{tables/"
          << file.path().filename().string() << "}\\clearpage\n";
      ++tables;
    }
  all << "\\end{document}\n";
  all.close();
  CHECK(tables > 20);
  const auto command =
      "cd '" + out.path().string() + "' && pdflatex -interaction=batchmode all.tex > /dev/null 2>&1";
  CHECK(std::system(command.c_str()) == 0);
  const auto log = test::text_of(out / "all.log");
  CHECK(contains(log, "afu headline-group-1"));
  // More than a point; the paragraphs of narrow columns may be loose, that is underfull.
  const auto at = log.find("Overfull \\hbox");
  CHECK_MESSAGE(at == log.npos, log.substr(at == log.npos ? 0 : at, 200));
  CHECK(count(log, "Float too large") == 0);
}
