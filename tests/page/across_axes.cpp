/// Charts and tables over a study's axes, and pages of many groups.
#include "page/across_axes.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "page/report.hpp"
#include "page/tables.hpp"
#include "tests/figures/study_folder.hpp"

#include <doctest/doctest.h>

using namespace afu;
using namespace afu::figures;
using namespace afu::page;
using afu::test::SyntheticRun;
using afu::test::SyntheticStudy;
using afu::test::text_of;
using doctest::Approx;

namespace {

using Row = std::vector<std::string>;

bool contains(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

/// Cells as a program reads them.
std::vector<Row> rows_of(const DataTable& t) {
  std::vector<Row> out;
  for (const auto& row : t.rows) {
    out.emplace_back();
    for (const auto& cell : row) out.back().push_back(cell.csv);
  }
  return out;
}

/// The numbers behind the cells that `begin` names.
std::vector<double> numbers(const DataTable& t, const Row& begin) {
  std::vector<double> out;
  for (const auto& row : rows_of(t))
    if (std::equal(begin.begin(), begin.end(), row.begin()))
      for (auto i = begin.size(); i < row.size(); ++i) out.push_back(row[i].empty() ? -1 : std::stod(row[i]));
  return out;
}

Chart chart(const std::vector<Chart>& all, const std::string& id) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const Chart& c) { return c.id == id; });
  REQUIRE(found != all.end());
  return *found;
}

/// Time to erase: factor x seed (and, where it halts, 100 more) of `mine`, factor x 20 of the reference.
void fill(SyntheticStudy& made) {
  const auto factor = [](const SyntheticStudy::AxisValues& v) { return std::stod(v.at("slow.factor")); };
  const auto halts = [](const SyntheticStudy::AxisValues& v) {
    const auto policy = v.find("policy");
    return policy != v.end() && policy->second == "\"halt\"";
  };
  made.arm_at("mine", "method", false, [=](std::uint64_t seed, const auto& v) {
    SyntheticRun r;
    r.latency = factor(v) * static_cast<double>(seed) + (halts(v) ? 100 : 0);
    r.downtime = halts(v) ? 7 : 0;
    r.throughput = 1 / factor(v);
    r.final.test_accuracy = 0.8 - 0.01 * factor(v);
    return r;
  });
  made.arm_at("retrain", "reference", false, [=](std::uint64_t, const auto& v) {
    SyntheticRun r;
    r.latency = 20 * factor(v);
    r.restarted = true;
    return r;
  });
  made.arm("leak", "control", false, [](std::uint64_t) {
    SyntheticRun r;
    r.erased = false;
    return r;
  });
}

Axis axis(const std::vector<std::string>& values) { return {"k", values}; }

std::vector<double> places(const std::vector<std::string>& values) { return scale_over(axis(values)).at; }

/// Twelve groups of short runs.
struct Many {
  SyntheticStudy made{{1, 2, 3}};
  Many() {
    made.axis("slow.factor", {"1", "2", "3", "4"});
    made.axis("slow.first", {"0", "3", "7"});
    fill(made);
  }
  Document document() const { return report_on(made.folder.path()); }
};

}  // namespace

TEST_CASE("numbers stand by their size, by its logarithm over a decade, and names side by side") {
  CHECK(places({"0", "1", "4"}) == std::vector<double>{0, 0.25, 1});
  CHECK_FALSE(scale_over(axis({"1", "9"})).logarithmic);
  CHECK(scale_over(axis({"1", "10"})).logarithmic);
  CHECK(scale_over(axis({"1_000", "10"})).logarithmic);
  CHECK(places({"1", "10", "1000"})[1] == Approx(1.0 / 3));
  CHECK(places({"100", "0", "1"})[2] == Approx(1.0 / 3));  // 0 stands where 0.1 would
  CHECK(places({"100", "0", "1"})[1] == 0);
  CHECK_FALSE(scale_over(axis({"-1", "10", "1"})).logarithmic);
  CHECK_FALSE(scale_over(axis({"\"a\"", "\"b\""})).numeric);
  CHECK(places({"\"a\"", "5", "true"}) == std::vector<double>{0, 0.5, 1});
  CHECK(places({"3"}) == std::vector<double>{0.5});
}

TEST_CASE("groups that differ in one axis alone make a lane") {
  SyntheticStudy made({1});
  made.axis("slow.factor", {"1", "10"});
  made.axis("policy", {"\"go\"", "\"halt\""});
  made.axis("fixed", {"4"});
  fill(made);
  const auto study = read_study(made.folder.path());
  CHECK(varied_axes(study) == std::vector<std::size_t>{0, 1});
  const auto lanes = lanes_of(study, 0);
  REQUIRE(lanes.size() == 2);
  CHECK(lanes[0].name == "policy = go");
  CHECK(lanes[1].name == "policy = halt");
  REQUIRE(lanes[1].groups.size() == 2);
  CHECK(study.groups.at(lanes[1].groups[1].value()) == "slow.factor = 10, policy = \"halt\", fixed = 4");
}

TEST_CASE("a chart over an axis has the means and intervals of every arm at each value") {
  SyntheticStudy made({1, 2, 3});
  made.axis("slow.factor", {"1", "10", "30"});
  fill(made);
  const auto study = read_study(made.folder.path());
  const Analysis a(study);
  const auto charts = axis_charts(a, 0);
  CHECK(charts.size() == 6);  // every figure was measured
  const auto erase = chart(charts, "axis-factor-time-to-erase");
  CHECK_FALSE(erase.wide);
  CHECK(contains(erase.caption, "Not in it, for want of the figure: leak."));
  CHECK(erase.data.rows.size() == 2 * 3);
  // Of 10, 20 and 30: t(0.975, 2) sd / sqrt(3) = 4.302653 x 10 / 1.732051
  const auto at_10 = numbers(erase.data, {"mine", "", "10"});
  REQUIRE(at_10.size() == 4);
  CHECK(at_10[0] == 3);
  CHECK(at_10[1] == Approx(20));
  CHECK(at_10[2] == 0);  // not below
  CHECK(at_10[3] == Approx(20 + 24.8414));
  CHECK(numbers(erase.data, {"retrain", "", "30"}) == std::vector<double>{3, 600, 600, 600});
  CHECK(numbers(chart(charts, "axis-factor-throughput").data, {"mine", "", "10"})[1] == Approx(0.1));
  CHECK(numbers(chart(charts, "axis-factor-test-accuracy").data, {"mine", "", "30"})[1] == Approx(50));
  CHECK(contains(erase.svg, "mine, factor 10: 20 s [0, 44.8], 3 seeds"));
  CHECK(contains(erase.svg, ">factor (logarithmic)</text>"));
}

TEST_CASE("names on an axis are cut between letters, and stand whole in the table") {
  SyntheticStudy made({1, 2, 3});
  made.axis("slow.factor", {"1", "2"});
  made.axis("where", {"\"Å\"", "\"ÅÅÅÅÅÅÅÅÅÅÅÅÅÅÅÅÅÅÅÅÅÅÅÅÅÅÅÅÅÅ\"", "\"c\"", "\"d\""});
  fill(made);
  const auto study = read_study(made.folder.path());
  const auto downtime = chart(axis_charts(Analysis(study), 1), "axis-where-downtime");
  CHECK(contains(downtime.svg, ">Å</text>"));
  CHECK(contains(downtime.svg, ">ÅÅÅÅÅÅÅÅÅÅ…</text>"));  // 328 / 4 / 6.4 - 1 letters, and of these one is …
  CHECK(numbers(downtime.data, {"mine", "factor = 2", "ÅÅÅÅÅÅÅÅÅÅÅÅÅÅÅÅÅÅÅÅÅÅÅÅÅÅÅÅÅÅ"}) ==
        std::vector<double>{3, 0, 0, 0});
}

TEST_CASE("few combinations of the other axes are panels, many are averaged seed by seed") {
  SyntheticStudy made({1, 2, 3});
  made.axis("slow.factor", {"1", "10"});
  made.axis("policy", {"\"go\"", "\"halt\""});
  fill(made);
  const auto study = read_study(made.folder.path());
  const Analysis a(study);
  const auto panels = chart(axis_charts(a, 0), "axis-factor-downtime");
  CHECK(panels.wide);
  CHECK(contains(panels.svg, "<p>policy = halt</p>"));
  CHECK(contains(panels.caption, "One panel a combination of policy."));
  CHECK(numbers(panels.data, {"mine", "policy = go", "10"}) == std::vector<double>{3, 0, 0, 0});
  CHECK(numbers(panels.data, {"mine", "policy = halt", "10"}) == std::vector<double>{3, 7, 7, 7});

  const Many many;
  const auto wide = read_study(many.made.folder.path());
  const Analysis all(wide);
  CHECK(chart(axis_charts(all, 0), "axis-factor-time-to-erase").wide);  // three panels
  // The table averages even where the charts have panels.
  const auto table = axis_table(all, 1);
  CHECK(contains(table.caption, "Averaged over the 4 combinations of factor"));
  // Seed s: s (1 + 2 + 3 + 4) / 4
  CHECK(numbers(table, {"mine", "time to erase"}) == std::vector<double>{5, 5, 5});
  CHECK(numbers(table, {"retrain", "time to erase"}) == std::vector<double>{50, 50, 50});
  CHECK(numbers(table, {"mine", "downtime"}) == std::vector<double>{0, 0, 0});
  CHECK(numbers(table, {"leak", "time to erase"}).empty());
  CHECK(table.rows[0][2].text == "5.00 ± 6.21");  // of 2.5, 5 and 7.5
}

TEST_CASE("more than six combinations make one averaged chart; a seed that lacks one does not count") {
  SyntheticStudy made({1, 2, 3});
  made.axis("slow.factor", {"1", "3", "2", "4", "5", "6", "7"});
  made.axis("slow.first", {"0", "7"});
  fill(made);
  test::write_text(made.folder / "cells/mine/slow.factor=7/slow.first=0/seed=3/failure.txt", "diverged");
  const auto study = read_study(made.folder.path());
  const Analysis a(study);
  const auto averaged = chart(axis_charts(a, 1), "axis-first-time-to-erase");
  CHECK_FALSE(averaged.wide);
  CHECK(contains(averaged.caption, "Averaged over the 7 combinations of factor"));
  CHECK(numbers(averaged.data, {"mine", "", "0"})[0] == 2);
  CHECK(numbers(averaged.data, {"mine", "", "0"})[1] == Approx(6));  // 4 and 8
  CHECK(numbers(averaged.data, {"mine", "", "7"})[1] == Approx(8));  // 4, 8 and 12
  CHECK(numbers(averaged.data, {"mine", "", "7"})[0] == 3);
}

TEST_CASE("cells.csv has every figure of every cell") {
  SyntheticStudy made({1, 2});
  made.axis("slow.factor", {"1", "10"});
  made.axis("policy", {"\"go\"", "\"halt\""});
  fill(made);
  const std::string failed = "cells/mine/policy=\"halt\"/slow.factor=10/seed=1";
  test::write_text(made.folder / (failed + "/failure.txt"), "diverged");
  const auto study = read_study(made.folder.path());
  const auto t = cells_table(Analysis(study));
  CHECK(t.rows.size() == 3 * 4 * 2);
  const auto rows = rows_of(t);
  const auto value = [&](const Row& row, const std::string& column) {
    for (std::size_t i = 0; i < t.columns.size(); ++i)
      if (t.columns[i].name == column) return row.at(i);
    return "no column " + column;
  };
  const auto& row = rows[5];  // mine, factor 10, go, seed 2
  const std::vector<std::pair<std::string, std::string>> expected{{"arm", "mine"},
                                                                  {"group", "3"},
                                                                  {"seed", "2"},
                                                                  {"slow.factor", "10"},
                                                                  {"policy", "go"},
                                                                  {"state", "completed"},
                                                                  {"requests", "1"},
                                                                  {"requested", "100"},
                                                                  {"merged", "120"},
                                                                  {"forgotten", "120"},
                                                                  {"time to erase", "20"},
                                                                  {"downtime", "0"},
                                                                  {"throughput", "0.1"},
                                                                  {"lost updates", "0"},
                                                                  {"late updates", "0"},
                                                                  {"mia_auc", "0.5"},
                                                                  {"before: mia_auc", "0.7"},
                                                                  {"attack_success_rate", "0.03"},
                                                                  {"before: attack_success_rate", "0.95"},
                                                                  {"client passes", "120"},
                                                                  {"server passes", "0"},
                                                                  {"stored", "0"},
                                                                  {"updates", "140"},
                                                                  {"virtual time", "140"},
                                                                  {"wall time", "0"},
                                                                  {"why", ""}};
  for (const auto& each : expected) {
    CAPTURE(each.first);
    CHECK(value(row, each.first) == each.second);
  }
  CHECK(value(rows[6], "state") == "failed");
  CHECK(value(rows[6], "policy") == "halt");
  CHECK(value(rows[6], "why") == "diverged");
  CHECK(value(rows[6], "time to erase").empty());
  CHECK(value(rows[8], "merged").empty());  // retrain begins again instead
  CHECK(value(rows[8], "forgotten") == "120");
}

TEST_CASE("without axes there is no overview, but cells.csv") {
  SyntheticStudy made;
  test::fill_good_study(made);
  const auto document = report_on(made.folder.path());
  for (const auto& s : document.sections) CHECK(s.id != "axes");
  test::TemporaryFolder out;
  write_report(document, out.path());
  CHECK(contains(text_of(out / "tables/cells.csv"), "\nmine,1,1,completed,1,100,102,102,2,"));
}

TEST_CASE("of many groups the page folds the claims and draws the first") {
  const Many many;
  const auto document = many.document();
  REQUIRE(document.sections.size() > 3);
  CHECK(document.sections[0].id == "findings");
  CHECK(document.sections[1].id == "axes");
  CHECK(document.sections[2].id == "groups");
  const auto html = to_html(document);
  for (const char* id : {"group-12", "headline-group-12", "verdicts-group-12", "verdicts-overview",
                         "latency-group-1", "blame-group-1", "axis-first-downtime"}) {
    CAPTURE(id);
    CHECK(contains(html, "id=\"" + std::string(id) + "\""));
  }
  for (const char* id :
       {"latency-group-2", "blame-group-2", "rebound-1-group-2", "rounds-group-1", "cells"}) {
    CAPTURE(id);
    CHECK_FALSE(contains(html, "id=\"" + std::string(id) + "\""));
  }
  CHECK(contains(html, "<details id=\"group-5\"><summary>Group 5: factor = 2, first = 3</summary>"));
  CHECK(contains(html, "of the first of these 12 groups (slow.factor = 1, slow.first = 0)"));

  test::TemporaryFolder out;
  write_report(document, out.path());
  for (const char* file :
       {"cells.csv", "latency-group-12.csv", "rounds-group-1.csv", "rounds-group-12.csv",
        "rebound-1-group-12.csv", "blame-group-12.csv", "comparisons-group-12.csv", "headline-group-12.csv",
        "headline-group-12.tex", "axis-first.csv", "axis-first.tex"}) {
    CAPTURE(file);
    CHECK(std::filesystem::exists(out / ("tables/" + std::string(file))));
  }
  CHECK(contains(text_of(out / "tables/latency-group-12.csv"), "mine,4,0.333"));
  CHECK(contains(text_of(out / "report.md"), "### Group 12: factor = 4, first = 7"));
  std::map<std::string, int> names;
  for (const auto* t : tables_of(document)) ++names[t->id];
  for (const auto& t : document.files) ++names[t.id];
  for (const auto& each : names) {
    CAPTURE(each.first);
    CHECK(each.second == 1);
  }
}

TEST_CASE("a page grows by little more than its headline table with each group") {
  const auto size_with = [](const std::vector<std::string>& factors) {
    SyntheticStudy made({1, 2, 3});
    made.axis("slow.factor", factors);
    fill(made);
    return to_html(report_on(made.folder.path())).size();
  };
  const auto few = size_with({"1", "2", "3", "4", "5"});
  const auto more = size_with({"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"});
  CHECK(few < 250'000);
  CHECK(more - few < 5 * 13'000);
}
