/// What the report's files say and whether they are well-formed.
#include "page/report.hpp"

#include <algorithm>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "tests/figures/study_folder.hpp"

#include <doctest/doctest.h>

using namespace afu;
using namespace afu::figures;
using namespace afu::page;
using afu::test::text_of;
using doctest::Approx;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

/// Why `html` is not well-formed XML (but for its doctype, style and script); empty: it is.
std::string malformed(const std::string& html) {
  std::vector<std::string> open;
  for (std::size_t i = html.find("<html"); i < html.size();) {
    const char c = html[i];
    if (c == '>') return "a bare > in " + html.substr(i > 30 ? i - 30 : 0, 60);
    if (c == '&') {
      const auto end = html.find(';', i);
      const auto name = html.substr(i + 1, end - i - 1);
      if (name != "amp" && name != "lt" && name != "gt" && name != "quot" && name != "#39")
        return "entity " + name;
    }
    if (c != '<') {
      ++i;
      continue;
    }
    const auto end = html.find('>', i);
    if (end == html.npos) return "an open tag at the end";
    const auto tag = html.substr(i + 1, end - i - 1);
    if (contains(tag, "<")) return "a bare < before " + tag;
    if (std::count(tag.begin(), tag.end(), '"') % 2 != 0) return "quotes in " + tag;
    i = end + 1;
    if (tag[0] == '/') {
      if (open.empty() || open.back() != tag.substr(1))
        return "closes " + tag + " in " + (open.empty() ? "" : open.back());
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(tag.substr(0, tag.find(' ')));
      if (open.back() == "style" || open.back() == "script") i = html.find("</" + open.back(), i);
    }
  }
  return open.empty() ? "" : "open: " + open.back();
}

std::string decoded(const std::string& percent) {
  std::string out;
  for (std::size_t i = 0; i < percent.size(); ++i) {
    if (percent[i] != '%') {
      out += percent[i];
      continue;
    }
    out += static_cast<char>(std::stoi(percent.substr(i + 1, 2), nullptr, 16));
    i += 2;
  }
  return out;
}

/// The CSV downloads of a page, by file name.
std::map<std::string, std::string> downloads(const std::string& html) {
  std::map<std::string, std::string> out;
  const std::string name = "download=\"", data = "href=\"data:text/csv;charset=utf-8,";
  for (auto i = html.find(name); i != html.npos; i = html.find(name, i + 1)) {
    const auto begin = i + name.size(), from = html.find(data, i) + data.size();
    out[html.substr(begin, html.find('"', begin) - begin)] =
        decoded(html.substr(from, html.find('"', from) - from));
  }
  return out;
}

/// The numbers behind `begin`, in the line that begins with it.
std::vector<double> row_of(const std::string& csv, const std::string& begin) {
  std::vector<double> out;
  const auto at = csv.find("\n" + begin);
  REQUIRE(at != csv.npos);
  std::istringstream line(csv.substr(at + 1 + begin.size(), csv.find('\n', at + 1) - at - 1 - begin.size()));
  for (std::string cell; std::getline(line, cell, ',') && (cell.empty() || cell[0] < 'a');)
    out.push_back(cell.empty() ? 0 : std::stod(cell));
  return out;
}

struct Made {
  test::SyntheticStudy study;
  Made() { test::fill_good_study(study); }
  Document document() const { return report_on(study.folder.path()); }
};

}  // namespace

TEST_CASE("the page is well-formed, whole in itself, and names every arm") {
  Made made;
  const auto html = to_html(made.document());
  CHECK(malformed(html) == "");
  for (const char* outside : {"http://", "https://", "src=", "@import", "url(", "<link"}) {
    CAPTURE(outside);
    CHECK_FALSE(contains(html, outside));
  }
  for (const char* arm : {"mine", "retrain", "barrier (sync)", "none"}) {
    CAPTURE(arm);
    CHECK(contains(html, ">" + std::string(arm) + "</th>"));
  }
  CHECK(contains(html, "Made &lt;up&gt; &amp; known."));
  CHECK(contains(html, "25 of 25 cells completed."));
  CHECK(contains(html, "<th scope=\"col\""));
  CHECK(contains(html, "prefers-color-scheme: dark"));
  CHECK(contains(html, "@media print"));
}

TEST_CASE("no two elements share an id") {
  Made made;
  for (const auto& folder : {made.study.folder.path(), made.study.cell("mine", 1)}) {
    const auto html = to_html(report_on(folder));
    std::vector<std::string> ids;
    const std::string id = " id=\"";
    for (auto i = html.find(id); i != html.npos; i = html.find(id, i + 1))
      ids.push_back(html.substr(i + id.size(), html.find('"', i + id.size()) - i - id.size()));
    std::sort(ids.begin(), ids.end());
    CHECK(ids.size() > 10);
    CHECK(std::adjacent_find(ids.begin(), ids.end()) == ids.end());
  }
}

TEST_CASE("the checker of well-formedness finds what is wrong") {
  CHECK(malformed("<html><p>a</p></html>") == "");
  CHECK(malformed("<html><p>a</html>") != "");
  CHECK(malformed("<html><p>a & b</p></html>") != "");
  CHECK(malformed("<html><p>a < b</p></html>") != "");
  CHECK(malformed("<html><p title=\"x>y\">a</p></html>") != "");
}

TEST_CASE("every table and chart can be had as CSV, with the very values of the files") {
  Made made;
  const auto document = made.document();
  const auto all = downloads(to_html(document));
  const auto tables = tables_of(document);
  CHECK(all.size() == tables.size());  // so no two share a name
  for (const auto* t : tables) {
    CAPTURE(t->id);
    CHECK(all.at(t->id + ".csv") == to_csv(*t));
    for (const auto& row : t->rows) CHECK(row.size() == t->columns.size());
  }
  for (const char* id : {"headline", "verdicts", "pareto", "latency", "seeds-test-accuracy",
                         "difference-mia-auc", "rebound-1", "blame", "cost", "comparisons", "cells"}) {
    CAPTURE(id);
    CHECK(all.count(std::string(id) + ".csv") == 1);
  }
}

TEST_CASE("charts show what was put in") {
  Made made;
  const auto all = downloads(to_html(made.document()));
  CHECK(contains(all.at("latency.csv"), "mine,2,0.2\n"));
  CHECK(contains(all.at("latency.csv"), "retrain,30,1\n"));
  CHECK_FALSE(contains(all.at("latency.csv"), "none"));
  CHECK(contains(all.at("seeds-test-accuracy.csv"), "arm,seed,test_accuracy (%)\n"));
  CHECK(contains(all.at("seeds-attack-success-rate.csv"), "none,5,90\n"));
  CHECK(contains(all.at("rebound-1.csv"), "mine,0,4,4,4\n"));
  CHECK(contains(all.at("rebound-1.csv"), "retrain,10,3,3,3\n"));
  CHECK_FALSE(contains(all.at("pareto.csv"), "none"));
  CHECK(contains(all.at("pareto.csv"), "retrain,30,30,30,0,0,0\n"));

  // The test accuracy differs by 0.1, 0.2, 0, 0.1 and 0.2 pp, the other four metrics do not.
  CHECK(row_of(all.at("pareto.csv"), "mine,")[3] == Approx(0.12 / 5));
  // A round is two jobs, one behind the other: 0.1 s down, 0.8 s of computing, 0.1 s up, each.
  const auto blame = row_of(all.at("blame.csv"), "mine,before the request,");
  CHECK(contains(all.at("rounds.csv"), "mine,1,50,98,100,0,"));
  CHECK(contains(all.at("rebound.csv"), ",0,10\n"));  // half back in none, ten rounds
  CHECK(blame[0] == 5 * 50);
  CHECK(blame[1] == Approx(2));
  CHECK(blame[2] + blame[5] + blame[6] == Approx(0));
  CHECK(blame[3] == Approx(1.6));
  CHECK(blame[4] == Approx(0.4));
}

TEST_CASE("failed and missing cells are counted and shown") {
  Made made;
  test::write_text(made.study.cell("mine", 2) / "failure.txt", "lane 1: <nan>\n");
  std::filesystem::remove_all(made.study.cell("barrier", 1));
  const auto html = to_html(made.document());
  CHECK(malformed(html) == "");
  CHECK(contains(html, "23 of 25 cells completed, 1 failed, 1 not run yet."));
  CHECK(contains(html, "Failed: cells/mine/seed=2 (lane 1: &lt;nan&gt;)."));
  CHECK(contains(html, "4 of 5"));
}

TEST_CASE("a study of which nothing is there yet can be reported on") {
  Made made;
  std::filesystem::remove_all(made.study.folder / "cells");
  const auto html = to_html(made.document());
  CHECK(malformed(html) == "");
  CHECK(contains(html, "0 of 25 cells completed, 25 not run yet."));
  CHECK(contains(html, "not enough power"));
}

TEST_CASE("groups have their own tables and charts") {
  test::SyntheticStudy made({1, 2, 3});
  test::fill_good_study(made);
  made.manifest["axes"] = {{{"key", "a.b"}, {"values", {"1", "2"}}}};
  auto cells = made.manifest["cells"];
  made.manifest["cells"].clear();
  for (const char* value : {"1", "2"})
    for (auto cell : cells) {
      cell["axes"] = {{"a.b", value}};
      made.manifest["cells"].push_back(cell);
    }
  made.save();
  const auto document = report_on(made.folder.path());
  CHECK(malformed(to_html(document)) == "");
  CHECK(downloads(to_html(document)).count("headline-group-2.csv") == 1);
  CHECK(downloads(to_html(document)).size() == tables_of(document).size());
}

TEST_CASE("panels and folded groups are well-formed too, and every table of the page can be had") {
  test::SyntheticStudy made({1, 2, 3});
  made.axis("a.b", {"1", "2", "30"});
  made.axis("c.d", {"\"<x>\"", "\"y & z\""});
  test::fill_good_study(made);
  const auto document = report_on(made.folder.path());
  const auto html = to_html(document);
  CHECK(malformed(html) == "");
  CHECK(contains(html, "<p>d = &lt;x&gt;</p>"));
  CHECK(contains(html, "<details id=\"group-6\">"));
  const auto all = downloads(html);
  CHECK(all.size() == tables_of(document).size());
  for (const auto* t : tables_of(document)) CHECK(all.at(t->id + ".csv") == to_csv(*t));
}

TEST_CASE("files: nothing but the report's own is touched") {
  Made made;
  test::TemporaryFolder other;
  test::write_text(other / "notes.txt", "mine");
  const auto document = made.document();
  write_report(document, other.path());
  write_report(document, other.path());  // replaces its own
  CHECK(text_of(other / "notes.txt") == "mine");
  CHECK(text_of(other / "report.html") == to_html(document));
  CHECK(text_of(other / "tables/headline.csv") == to_csv(*tables_of(document)[1]));
  CHECK(contains(text_of(other / "tables/verdicts.tex"), "\\raggedright\\arraybackslash}p{"));
  CHECK(contains(text_of(other / "report.md"), "| (a) equivalent to the reference | holds |"));
  CHECK_FALSE(std::filesystem::exists(other / "tables/cells.tex"));
  CHECK_THROWS_AS(report_on(other.path()), ReportError);
  CHECK_THROWS_WITH_AS(report_on(other / "nowhere"),
                       ((other / "nowhere").string() + ": no such folder").c_str(), ReportError);
  CHECK_THROWS_WITH_AS(
      write_report(document, other / "notes.txt"),
      ((other / "notes.txt/tables").string() + ": cannot be written to: Not a directory").c_str(),
      ReportError);
}

TEST_CASE("a single run has a report of its own") {
  Made made;
  const auto document = report_on(made.study.cell("retrain", 3));
  const auto html = to_html(document);
  CHECK(malformed(html) == "");
  CHECK(document.title == "synthetic: retrain");
  const auto all = downloads(html);
  CHECK(contains(all.at("erasures.csv"), "client/0,100,,130,0,1,0,0,0,,,,,,,,unserved,\n"));
  CHECK(contains(all.at("figures.csv"), "attack success rate,0.95,0.03,-0.9"));
  CHECK(all.count("curve-attack-success-rate.csv") == 1);
  CHECK(all.count("blame.csv") == 1);
  CHECK(all.count("verdicts.csv") == 0);
}

TEST_CASE("CSV and LaTeX escape what has a meaning there") {
  DataTable t{"x", "50 % of a_b", {{"a,b", "s", false}, {"n", "", true}}, {}, false};
  t.rows.push_back({text_cell("say \"hi\" & go_on"), number_cell("1.0 ± 0.1 %", 1.0)});
  t.rows.push_back({text_cell("x"), number_cell("–", std::nullopt)});
  CHECK(to_csv(t) == "\"a,b (s)\",n\n\"say \"\"hi\"\" & go_on\",1\nx,\n");
  const auto tex = to_latex(t);
  CHECK(contains(tex, "\\caption{50 \\% of a\\_b}"));
  CHECK(contains(tex, "say \"hi\" \\& go\\_on & 1.0 $\\pm$ 0.1 \\% \\\\"));
  CHECK(contains(tex, "\\begin{tabular}{@{}lr@{}}"));
}

TEST_CASE("text that a spreadsheet would take for a formula is marked as text") {
  DataTable t{"x", "x", {{"=cmd()", "", false}, {"n", "", true}}, {}, false};
  for (const char* text : {"=1+1", "+1", "-rf", "@sum", "\tx", "plain", ""})
    t.rows.push_back({text_cell(text), number_cell("-1.0", -1.0)});
  CHECK(to_csv(t) == "'=cmd(),n\n'=1+1,-1\n'+1,-1\n'-rf,-1\n'@sum,-1\n'\tx,-1\nplain,-1\n,-1\n");
  CHECK(t.rows[0][0].text == "=1+1");  // for people it is what it is
}

TEST_CASE("the report tells which margins the study's file declares and which are defaults") {
  Made made;
  CHECK(
      contains(to_markdown(made.document()),
               "Margins (study.json does not tell which of them the study's file declares): test accuracy"));
  made.study.manifest["statistics"]["declared"] = {"confidence", "margins.mia_auc", "rebound_margin"};
  made.study.save();
  const auto text = to_html(made.document());
  CHECK(contains(text,
                 "Margins declared in the study&#39;s file: membership AUC ± 0.030, excess of attack "
                 "success 5.0 pp. Defaults, which the file does not mention: test accuracy ± 2.0 pp, "
                 "attack success rate ± 5.0 pp, retained throughput 0.95, latency 10 times shorter, "
                 "attack success below the controls&#39; by 10.0 pp."));
  made.study.manifest["statistics"]["declared"] = nlohmann::ordered_json::array();
  made.study.save();
  CHECK(contains(to_html(made.document()), "Margins declared in the study&#39;s file: none. Defaults"));
}

TEST_CASE("a file that cannot be used fails its cell, and the report names both") {
  Made made;
  made.study.replace("mine", 2, "events.jsonl", "\"decision\"", "\"guess\"");
  test::write_text(made.study.cell("retrain", 1) / "trace.json", "[{]");
  made.study.edit("barrier", 3, [](auto& j) { j["schema"] = 99; });
  made.study.edit("none", 4, [](auto& j) { j["context"]["ended"] = "diverged"; });
  const auto html = to_html(made.document());
  CHECK(malformed(html) == "");
  CHECK(contains(html, "22 of 25 cells completed, 3 failed."));
  CHECK(contains(html, "Failed: cells/mine/seed=2 (its files cannot be used: "));
  CHECK(contains(html, "mine/seed=2/events.jsonl:"));
  CHECK(contains(html, "cells/barrier/seed=3 (its files cannot be used: "));
  CHECK(contains(html, "summary.json: schema is 99, this program reads 1)"));
  CHECK(contains(html, "cells/none/seed=4 (diverged)"));
  CHECK(contains(html, "Not drawn: "));
  CHECK(contains(html, "retrain/seed=1/trace.json:1: is no JSON"));
}

TEST_CASE("what cells warn of stands among what was found") {
  Made made;
  CHECK_FALSE(contains(to_html(made.document()), "warn"));
  const auto warn = [&](const char* arm, int seed, std::vector<std::string> texts) {
    made.study.edit(arm, seed, [&](auto& json) { json["context"]["warnings"] = texts; });
  };
  warn("mine", 1, {"the same answer in 11 of 12 versions", "erasure[0] of client/0: <unserved>"});
  warn("mine", 2, {"the same answer in 3 of 12 versions", "erasure[1] of client/1: <unserved>"});
  warn("leak", 2, {"the same answer in 3.5 of 12 versions", "erasure[0] of client/0: <unserved>"});
  test::write_text(made.study.cell("leak", 2) / "failure.txt", "it failed all the same\n");
  const auto document = made.document();
  const auto html = to_html(document);
  CHECK(malformed(html) == "");
  CHECK(contains(html, "erasure[0] of client/0: &lt;unserved&gt;"));
  CHECK(contains(html, "the quantities differ"));
  const auto csv = downloads(html);
  CHECK(csv.at("warnings.csv") ==
        "cells,arms,warning\n"
        "3,\"mine, leak\",the same answer in 11 of 12 versions\n"
        "2,\"mine, leak\",erasure[0] of client/0: <unserved>\n"
        "1,mine,erasure[1] of client/1: <unserved>\n");
  const auto each = std::find_if(document.files.begin(), document.files.end(),
                                 [](const DataTable& t) { return t.id == "cell-warnings"; });
  REQUIRE(each != document.files.end());
  CHECK(contains(to_csv(*each), "cells/leak/seed=2,the same answer in 3.5 of 12 versions\n"));
  CHECK(each->rows.size() == 6);

  // A run's own report has its own, once.
  const auto alone = to_html(report_on(made.study.cell("mine", 1)));
  CHECK(contains(alone, "Warning: the same answer in 11 of 12 versions."));
  CHECK_FALSE(contains(alone, "[&quot;"));
  made.study.edit("mine", 1, [&](auto& json) { json["context"]["warnings"] = {1}; });
  CHECK(contains(to_html(made.document()), "context.warnings[0]"));
}

TEST_CASE("figures that cells lack are listed, and so is a missing event log") {
  Made made;
  made.study.replace("mine", 2, "metrics.csv", "0.04", "nan");
  std::filesystem::remove(made.study.cell("mine", 3) / "events.jsonl");
  const auto html = to_html(made.document());
  CHECK(contains(html, "claims about them cannot be judged: cells/mine/seed=2/metrics.csv:"));
  CHECK(contains(html, "attack_success_rate is &#39;nan&#39;"));
  CHECK(contains(html, "Without an event log (output.events)"));
  CHECK(contains(html, "just leaves: cells/mine/seed=3."));
  std::filesystem::remove(made.study.cell("mine", 1) / "events.jsonl");
  const auto alone = to_html(report_on(made.study.cell("mine", 1)));
  CHECK(contains(alone, "There is no event log (output.events)"));
}
