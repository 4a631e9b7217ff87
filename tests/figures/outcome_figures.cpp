/// Late means, the time to pass, throughput paired with the untouched run: cases with known answers.
#include "figures/outcome_figures.hpp"

#include "tests/figures/study_folder.hpp"

#include <doctest/doctest.h>

#include "figures/analysis.hpp"
#include "page/tables_distance.hpp"

using namespace afu;
using namespace afu::figures;
using namespace afu::page;
using doctest::Approx;

namespace {

record::MetricsRow row(double time, double attack, double test) {
  record::MetricsRow r;
  r.time = time;
  r.attack_success_rate = attack;
  r.test_accuracy = test;
  return r;
}

Passing passing(double most_attack, double least_test, std::size_t consecutive) {
  return {find_metric("attack_success_rate"), most_attack, find_metric("test_accuracy"), least_test,
          consecutive};
}

Run run_of(std::vector<record::MetricsRow> rows, std::optional<double> forgotten) {
  Run run;
  run.rows = std::move(rows);
  record::ErasureRecord e;
  e.requested_at = 1;
  e.forgotten_at = forgotten;
  run.summary.erasures = {e};
  run.summary.final.attack_success_rate = 0.5;
  run.summary.final.mia_auc = 0.6;
  return run;
}

}  // namespace

TEST_CASE("late figures are means of the last versions behind the erasure") {
  const auto run = run_of({row(1, 0.9, 0.1), row(2, 0.1, 0.5), row(3, 0.2, 0.6), row(4, 0.6, 0.7)}, 2);
  CHECK(*late_figures(run, 2).attack_success_rate == Approx(0.4));
  CHECK(*late_figures(run, 2).test_accuracy == Approx(0.65));
  CHECK(*late_figures(run, 10).attack_success_rate == Approx(0.3));  // not the one before the erasure
  CHECK(*late_figures(run, 2).mia_auc == 0.6);                       // no row has it: the final one
  CHECK(*late_figures(run, 0).attack_success_rate == 0.5);
  CHECK(*late_figures(run_of(run.rows, std::nullopt), 4).attack_success_rate == Approx(0.45));
}

TEST_CASE("an earlier version's figure does not stand for one that the last version lacks") {
  auto rows = std::vector{row(3, 0.2, 0.6), row(4, 0.6, 0.7), row(5, 0.6, 0.7)};
  rows[1].attack_success_rate.reset();
  const auto run = run_of(rows, 2);
  CHECK_FALSE(late_figures(run, 3).attack_success_rate);
  CHECK_FALSE(late_figures(run, 2).attack_success_rate);
  CHECK(*late_figures(run, 1).attack_success_rate == 0.6);  // of the last alone
  CHECK(*late_figures(run, 3).test_accuracy == Approx(2.0 / 3));
  CHECK(*late_figures(run, 0).attack_success_rate == 0.5);
  // Such a version does not pass, and ends a row of those that do.
  auto passes = std::vector{row(1, 0, 0.9), row(2, 0, 0.9), row(3, 0, 0.9), row(4, 0, 0.9), row(5, 0, 0.9)};
  passes[1].test_accuracy.reset();
  CHECK(*passing_time(passes, 0, passing(0.1, 0.8, 3)) == 3);
}

TEST_CASE("a version passes with the next two, in both figures") {
  const std::vector<record::MetricsRow> rows{row(1, 0.0, 0.9), row(2, 0.0, 0.7), row(3, 0.0, 0.9),
                                             row(4, 0.0, 0.9), row(5, 0.3, 0.9), row(6, 0.0, 0.9),
                                             row(7, 0.1, 0.8), row(8, 0.1, 0.9)};
  CHECK(*passing_time(rows, 0, passing(0.1, 0.8, 3)) == 6);
  CHECK_FALSE(passing_time(rows, 6.5, passing(0.1, 0.8, 3)));
  CHECK(*passing_time(rows, 0, passing(0.1, 0.8, 2)) == 3);
  CHECK(*passing_time(rows, 0, passing(0.1, 0.6, 3)) == 1);
}

TEST_CASE("a version that passes for a while is not the one") {
  std::vector<record::MetricsRow> rows;
  for (int t = 1; t <= 20; ++t)
    rows.push_back(row(t, t >= 6 && t <= 8 ? 0.5 : 0.0, t == 14 || t == 15 ? 0.5 : 0.9));
  CHECK(*passing_time(rows, 0, passing(0.1, 0.8, 3)) == 9);  // three fail in a row; later two
  CHECK(*passing_time(rows, 0, passing(0.1, 0.8, 2)) == 16);
  rows.resize(8);
  CHECK_FALSE(passing_time(rows, 0, passing(0.1, 0.8, 3)));
  rows.resize(7);
  CHECK(*passing_time(rows, 0, passing(0.1, 0.8, 3)) == 1);
  // Where nothing attacks, what the model knows of the forget set stands for it.
  for (auto& r : rows) r.forget_accuracy = r.attack_success_rate, r.attack_success_rate.reset();
  CHECK_FALSE(passing_time(rows, 0, passing(0.1, 0.8, 3)));
  auto natural = passing(0.1, 0.8, 3);
  natural.forgetting = find_metric("forget_accuracy");
  CHECK(*passing_time(rows, 0, natural) == 1);
}

TEST_CASE("throughput is paired with the run in which the client just leaves") {
  const auto client = [](const std::vector<double>& times, double begin, double end,
                         const std::vector<TimeSpan>& halted = {}) {
    std::vector<AcceptedUpdate> accepted;
    for (double t : times) accepted.push_back({t, 3});
    return Throughput{RetainedWork(accepted, halted, 12), begin, end};
  };
  const auto untouched = client({1, 2, 3, 4, 5, 6, 7, 8}, 0, 0);
  CHECK(*paired_throughput(client({1, 2, 3, 4, 5, 6, 7, 8}, 2, 6), untouched) == 1);
  CHECK(*paired_throughput(client({1, 2, 6, 7, 8}, 2, 6, {{2, 5}}), untouched) == 0.25);  // one of four
  // Only as far as both ran, to 8: of the six and a half seconds of its last update one, against one update.
  CHECK(*paired_throughput(client({1, 2, 8.5}, 7, 12), untouched) == Approx(1 / 6.5));
  CHECK_FALSE(paired_throughput(client({1, 2, 3}, 8, 12), untouched));
  CHECK_FALSE(paired_throughput(client({}, 2, 6), untouched));  // no log
}

TEST_CASE(
    "the throughput of a log is that of its retained clients, a buffer's updates when they are gathered") {
  using Kind = record::Decision::Kind;
  record::Summary summary;
  summary.virtual_seconds = 20;
  record::ErasureRecord e;
  e.client = 0;
  e.requested_at = 8;
  e.forgotten_at = 12;
  summary.erasures = {e};
  std::vector<LogRecord> log;
  for (int t = 1; t <= 20; ++t)
    for (std::uint32_t c : {0u, 1u, 2u})
      if (c < 2 || t % 2 == 0) log.emplace_back(record::Decision{double(t), Kind::merged, c, 1, 0, 0, 1});
  const auto merged = throughput_of(log, summary);
  CHECK(merged.begin == 8);
  CHECK(merged.end == 12);                            // W = 4
  CHECK(merged.retained.in(8, 12) == Approx(4 + 2));  // without the target's
  for (auto& r : log) std::get<record::Decision>(r).kind = Kind::buffered;
  log.emplace_back(record::Decision{20, Kind::merged, 1, 1, 0, 0, 1});
  CHECK(throughput_of(log, summary).retained.in(8, 12) == Approx(6));
  log.emplace_back(record::Decision{20, Kind::rejected, 1, 1, 0, 0, 1});
  CHECK(throughput_of(log, summary).retained.in(0, 20) == Approx(30));
  summary.erasures[0].forgotten_at.reset();
  CHECK(throughput_of(log, summary).end == 20);
}

TEST_CASE("a study pairs its cells with those of the method none") {
  test::SyntheticStudy made;
  test::fill_good_study(made);
  const auto study = read_study(made.folder.path());
  const Analysis a(study);
  const auto* mine = a.figures(*a.study().cells_of(0, study.subject)[0]);
  CHECK(mine->throughput_paired);
  CHECK(*mine->throughput == 1);  // the logs are alike
  CHECK(*mine->passing == Approx(2));
}

TEST_CASE("a version is useful as the reference is in the end, or as what users had when the request came") {
  test::SyntheticStudy made;
  const auto learning = [](double before) {
    test::SyntheticRun run;
    run.before.test_accuracy = before;
    run.test = [](double round) { return round < 3 ? 0.70 : 0.80; };
    return run;
  };
  made.arm("mine", "method", false, [&](std::uint64_t seed) { return learning(seed == 1 ? 0.71 : 0.80); });
  made.arm("retrain", "method", false, [](std::uint64_t) { return test::SyntheticRun{}; });
  const Analysis a(read_study(made.folder.path()));
  const auto cells = a.study().cells_of(0, 0);
  CHECK(*a.figures(*cells[0])->passing == Approx(2));      // it took nothing from them
  CHECK(*a.figures(*cells[1])->passing == Approx(2 + 6));  // it did, for three rounds of two seconds
}

TEST_CASE("a version that is no better than one answer for all is not useful, whatever retraining comes to") {
  test::SyntheticStudy made;
  const auto at = [](double accuracy) {
    return [=](std::uint64_t) {
      test::SyntheticRun run;  // the largest class is 40 % of the test set, the margin two points
      run.before.test_accuracy = run.final.test_accuracy = accuracy;
      return run;
    };
  };
  made.arm("constant", "method", false, at(0.4));
  made.arm("nearly", "method", false, at(0.415));
  made.arm("useful", "method", false, at(0.425));
  made.arm("retrain", "reference", false, at(0.4));
  made.manifest["subject"] = "useful";
  made.save();
  const Analysis a(read_study(made.folder.path()));
  const auto passes = [&](std::size_t arm) {
    return a.figures(*a.study().cells_of(0, arm)[0])->passing.has_value();
  };
  CHECK_FALSE(passes(0));
  CHECK_FALSE(passes(1));
  CHECK(passes(2));
  CHECK_FALSE(passes(3));
}

TEST_CASE("the figures at the merge are those of the first version with the erasure, and 16 updates later") {
  auto run = run_of({}, 5);
  run.summary.erasures[0].merged_at = 4;
  const auto at = [&](double time, std::uint64_t updates, double attack) {
    auto r = row(time, attack, 0.8);
    r.updates = updates;
    run.rows.push_back(r);
  };
  at(4, 100, 0.3);  // the version before, at the same instant
  at(4, 100, 0.1);  // merged, not calibrated yet
  at(5, 100, 0.0);  // called forgotten
  at(6, 115, 0.2);
  at(7, 116, 0.25);
  at(8, 130, 0.5);
  CellFigures f;
  f.late = late_figures(run, 1);
  CHECK(*figures_at(run, f, "merged").attack_success_rate == 0.1);
  CHECK(*figures_at(run, f, "plus16").attack_success_rate == 0.25);
  CHECK(*figures_at(run, f, "final").attack_success_rate == 0.5);
  f.restarted = true;
  CHECK_FALSE(figures_at(run, f, "merged").attack_success_rate);
}

TEST_CASE("distances are read back, and a malformed file is told with its line") {
  test::TemporaryFolder folder;
  CHECK(read_distances(folder.path()).empty());
  test::write_text(folder / "distances.csv",
                   "cell,point,figure,value\ncells/a/seed=1,final,forget.js,0.25\n");
  const auto rows = read_distances(folder.path());
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].cell == "cells/a/seed=1");
  CHECK(rows[0].figure == "forget.js");
  CHECK(rows[0].value == 0.25);
  test::write_text(folder / "distances.csv", "cell,point,figure,value\na,final,forget.js,much\n");
  CHECK_THROWS_WITH_AS(read_distances(folder.path()),
                       doctest::Contains("distances.csv:2: 'much' is no number"), ReportError);
}
