/// Every column of the tables, on studies whose figures are known by counting.
#include "page/tables.hpp"

#include <cmath>
#include <map>
#include <string>

#include "figures/figure_text.hpp"
#include "page/charts.hpp"
#include "page/tables_distance.hpp"
#include "tests/figures/study_folder.hpp"

#include <doctest/doctest.h>

using namespace afu;
using namespace afu::figures;
using namespace afu::page;
using doctest::Approx;
using Json = nlohmann::ordered_json;

namespace {

/// The cell below `column` in the first row that begins with `begin`.
const TableCell& at(const DataTable& t, const std::vector<std::string>& begin, const std::string& column) {
  for (const auto& row : t.rows) {
    bool same = true;
    for (std::size_t i = 0; i < begin.size(); ++i) same = same && row[i].text == begin[i];
    if (!same) continue;
    for (std::size_t c = 0; c < t.columns.size(); ++c)
      if (t.columns[c].name == column) return row.at(c);
  }
  FAIL("no ", column, " in ", t.id);
  return t.rows.front().front();
}
double number(const DataTable& t, const std::vector<std::string>& begin, const std::string& column) {
  const auto& text = at(t, begin, column).csv;
  return text.empty() ? std::nan("") : std::stod(text);
}

/// Three seeds: mine has 80, 82 and 84 % of test accuracy and erases after 1, 2 and 3 s, the reference 80 %
/// and 30 s. One update a second of two clients, in turn; each takes 0.1 s down, 0.8 s of computing, 0.1 s
/// up.
struct Made {
  test::SyntheticStudy study{{1, 2, 3}};
  Made() {
    study.arm("mine", "method", false, [](std::uint64_t seed) {
      test::SyntheticRun r;
      r.final.test_accuracy = 0.78 + 0.02 * static_cast<double>(seed);
      r.latency = static_cast<double>(seed);
      r.downtime = 0.5 * static_cast<double>(seed);
      r.throughput = 0.8 + 0.1 * static_cast<double>(seed);
      r.attack = [](double round) { return round <= 6 ? 0.03 + 0.01 * round : 0.05; };
      return r;
    });
    study.arm("retrain", "reference", false, [](std::uint64_t) {
      test::SyntheticRun r;
      r.latency = 30;
      r.restarted = true;
      return r;
    });
  }
  Analysis analysis() const { return Analysis(read_study(study.folder.path())); }
};

constexpr double t_of_two = 4.302652729911275;  ///< 0.975-quantile of Student's t with two degrees of freedom

}  // namespace

TEST_CASE("the headline table: means, half intervals, equivalence, times, throughput, peak excess") {
  const Made made;
  const auto a = made.analysis();
  const auto t = headline_table(a, 0);
  CHECK(number(t, {"mine"}, "seeds") == 3);
  CHECK(number(t, {"mine"}, "test accuracy") == Approx(0.82));
  // sd 2 pp: 4.3027 x 2 / sqrt(3) = 4.97
  CHECK(at(t, {"mine"}, "test accuracy").text == "82.0 ± 5.0 %");
  CHECK(at(t, {"mine"}, "test accuracy").note == "open");
  CHECK(at(t, {"mine"}, "attack success rate").note == "equivalent");
  CHECK(at(t, {"retrain"}, "test accuracy").text == "80.0 ± 0.0 %");
  CHECK(at(t, {"retrain"}, "test accuracy").note.empty());
  CHECK(number(t, {"mine"}, "time to erase") == Approx(2));
  CHECK(at(t, {"mine"}, "time to erase").text == "2.00 ± 2.48");  // 4.3027 / sqrt(3)
  CHECK(number(t, {"retrain"}, "time to erase") == 30);
  CHECK(number(t, {"mine"}, "downtime") == Approx(1.0));
  CHECK(number(t, {"mine"}, "throughput") == Approx(1.0));  // 0.9, 1.0, 1.1: no arm of the method none
  // Attack success rises from 3 to 9 % in six rounds, then is 5 %; the retraining's is 3 %. The mean over
  // five rounds in a row is largest in rounds 2 to 6: 4 pp.
  CHECK(number(t, {"mine"}, "peak excess") == Approx(0.04));
  // Within 5 pp of the retraining's 3 % from the first evaluation on: at the merge itself, after 1, 2, 3 s.
  CHECK(number(t, {"mine"}, "time to pass") == Approx(2));
}

TEST_CASE("the comparison table: difference, interval, t-test, Holm, Cohen's d and TOST") {
  const Made made;
  const auto a = made.analysis();
  const auto t = comparison_table(a, 0);
  const std::vector<std::string> row{"mine", "test accuracy"};  // differences 0, 2 and 4 pp
  CHECK(number(t, row, "pairs") == 3);
  CHECK(number(t, row, "difference") == Approx(0.02));
  CHECK(number(t, row, "high") == Approx(0.02 + t_of_two * 0.02 / std::sqrt(3)));
  CHECK(number(t, row, "low") == Approx(0.02 - t_of_two * 0.02 / std::sqrt(3)));
  // t = 2 / (2 / sqrt 3) = sqrt 3; with two degrees of freedom p = 1 - t / sqrt(2 + t^2).
  const double p = 1 - std::sqrt(3) / std::sqrt(5);
  CHECK(number(t, row, "p") == Approx(p));
  CHECK(number(t, row, "p (Holm)") == Approx(3 * p));  // of three, the others are 1
  CHECK(number(t, row, "d_z") == Approx(1));
  CHECK(number(t, row, "margin") == 0.02);
  // 90 %: the 0.95-quantile with two degrees of freedom is 2.92.
  CHECK(number(t, row, "TOST high") == Approx(0.02 + 2.919985580355516 * 0.02 / std::sqrt(3)));
  CHECK(number(t, row, "TOST low") == Approx(0.02 - 2.919985580355516 * 0.02 / std::sqrt(3)));
  CHECK(number(t, row, "TOST p") == Approx(0.5));  // the mean lies at the margin itself
  CHECK(at(t, row, "equivalence").text == "open");
  CHECK(at(t, {"mine", "forget accuracy"}, "equivalence").text == absent_text);
  CHECK(at(t, {"mine", "membership AUC"}, "equivalence").text == "equivalent");

  made.study.edit("mine", 3, [](Json& j) { j["final"]["test_accuracy"] = nullptr; });
  const auto lacking = made.analysis();
  CHECK(at(comparison_table(lacking, 0), row, "equivalence").text == "cannot be judged");
  CHECK(number(comparison_table(lacking, 0), row, "pairs") == 2);
  CHECK(at(headline_table(lacking, 0), {"mine"}, "test accuracy").note == "cannot be judged");
}

TEST_CASE("the rebound table: rises over the erased model, excess over the reference, half-life") {
  const Made made;
  const auto a = made.analysis();
  const auto t = rebound_table(a, 0);
  CHECK(number(t, {"mine"}, "R_max") == Approx(0.06));
  CHECK(number(t, {"mine"}, "R_end") == Approx((0.02 + 0.03 + 0.04 + 0.05 + 0.06) / 5));  // rounds 2 to 6
  CHECK(number(t, {"mine"}, "R_tail") == Approx(0.02));
  CHECK(number(t, {"mine"}, "slope") == Approx(0.01));  // over rounds 5 and 6
  CHECK(number(t, {"mine"}, "AUC_E") == Approx((0.01 + 0.02 + 0.03 + 0.04 + 0.05 + 0.06) / 6));
  CHECK(number(t, {"mine"}, "peak E") == Approx(0.04));
  CHECK(number(t, {"mine"}, "tail peak E") == Approx(0.02));
  CHECK(at(t, {"mine"}, "half back").text.rfind("0 of 3 [0, ", 0) == 0);
  CHECK(number(t, {"mine"}, "rounds") == 10);
  CHECK(number(t, {"retrain"}, "R_max") == Approx(0));
  CHECK(at(t, {"retrain"}, "AUC_E").csv.empty());

  test::SyntheticStudy back({1, 2, 3});
  back.arm("mine", "method", false, [](std::uint64_t seed) {
    test::SyntheticRun r;  // half of (95 + 3) % is reached in round 5 by seed 1 alone
    if (seed == 1) r.attack = [](double round) { return 0.03 + 0.095 * round; };
    return r;
  });
  back.arm("retrain", "reference", false, [](std::uint64_t) { return test::SyntheticRun{}; });
  const Analysis b(read_study(back.folder.path()));
  CHECK(number(rebound_table(b, 0), {"mine"}, "half-life") == 5);
  CHECK(number(rebound_table(b, 0), {"mine"}, "half back") == 1);
}

TEST_CASE("the cost table: means over the seeds, sums over a run's requests") {
  const Made made;
  made.study.edit("mine", 1, [](Json& j) {
    j["erasures"][0]["lost_updates"] = 6;
    j["erasures"][0]["late_updates"] = 3;
    j["erasures"][0]["updates_lost"] = 9;
    j["counters"] = {{"updates", 170}, {"samples_trained", 300}, {"messages", 9}, {"bytes_sent", 6000}};
    j["context"]["erasure_costs"][0]["server_passes"] = 30;
    j["context"]["erasure_costs"][0]["stored_bytes"] = 3000;
    j["wall_seconds"] = 6;
    j["virtual_seconds"] = 143;
  });
  // By an afu that did not count them.
  made.study.edit("mine", 2, [](Json& j) { j["erasures"][0].erase("updates_lost"); });
  const auto a = made.analysis();
  const auto t = cost_table(a, 0);
  const std::map<std::string, double> wanted{{"client passes", 120},
                                             {"server passes", 10},
                                             {"stored", 1000},
                                             {"lost updates", 2},
                                             {"late updates", 1},
                                             {"updates", 150},
                                             {"samples trained", 100},
                                             {"traffic", 2000},
                                             {"run's clock", 141},
                                             {"real time", 2},
                                             {"retained updates lost", 4.5}};
  for (const auto& each : wanted) {
    CAPTURE(each.first);
    CHECK(number(t, {"mine"}, each.first) == Approx(each.second));
  }
}

TEST_CASE(
    "several requests: latency, downtime and throughput are means, the most bytes held, sums of passes") {
  const Made made;
  made.study.edit("mine", 1, [](Json& j) {
    auto second = j["erasures"][0];
    second["client"] = 1;
    second["requested_at"] = 110;
    second["merged_at"] = second["forgotten_at"] = 115;
    second["downtime_seconds"] = 2.5;
    second["retained_throughput_ratio"] = 0.5;
    j["erasures"].push_back(second);
    auto cost = j["context"]["erasure_costs"][0];
    cost["stored_bytes"] = 77;
    j["context"]["erasure_costs"].push_back(cost);
  });
  const auto a = made.analysis();
  const auto* f = a.figures(*a.study().cells_of(0, 0)[0]);
  REQUIRE(f);
  CHECK(f->latencies == std::vector<double>{1, 5});
  CHECK(*f->latency == Approx(3));
  CHECK(*f->downtime == Approx(1.5));
  CHECK(*f->throughput == Approx(0.7));
  CHECK(f->client_passes == 240);
  CHECK(f->stored_bytes == 77);
  CHECK(f->curve.at(0) == Approx(0.03));  // begins with the first
  CHECK(*f->passing == Approx(5));        // from the last request on

  made.study.edit("mine", 1, [](Json& j) { j["erasures"][1]["merged_at"] = nullptr; });
  const auto open = made.analysis();
  const auto* g = open.figures(*open.study().cells_of(0, 0)[0]);
  CHECK_FALSE(g->erased);
  CHECK_FALSE(g->latency);
  CHECK(g->latencies == std::vector<double>{1});
  made.study.edit("mine", 1, [](Json& j) { j["erasures"][1]["downtime_seconds"] = nullptr; });
  const auto absent = made.analysis();
  CHECK_FALSE(absent.figures(*absent.study().cells_of(0, 0)[0])->downtime);
}

TEST_CASE("without an event log the count of updates tells whether training began again") {
  const Made made;
  for (const char* arm : {"mine", "retrain"})
    std::filesystem::remove(made.study.cell(arm, 2) / "events.jsonl");
  auto text = test::text_of(made.study.cell("retrain", 2) / "metrics.csv");
  const auto line = text.find('\n', text.find("forgotten"));
  test::write_text(made.study.cell("retrain", 2) / "metrics.csv",
                   text.substr(0, line) + "\n1,130,0,7,forgotten,0.8,,,,0.03,,,,," + text.substr(line));
  const auto a = made.analysis();
  const auto* mine = a.figures(*a.study().cells_of(0, 0)[1]);
  CHECK_FALSE(mine->has_log);
  CHECK_FALSE(mine->restarted);
  CHECK(*mine->latency == 2);
  const auto* retrain = a.figures(*a.study().cells_of(0, 1)[1]);
  CHECK(retrain->restarted);
  CHECK(*retrain->latency == 30);
  CHECK(retrain->rounds.empty());
}

TEST_CASE("the blame table splits the rounds at the request and at the end of the erasure") {
  const Made made;
  const auto a = made.analysis();
  const auto t = blame_table(a, 0);
  // Rounds of two updates, so of 2 s. Erased after 1, 2 and 3 s: of each seed 50 rounds before the request at
  // 100 s; then one, one and two begin while it is served; 20 are left in all.
  CHECK(number(t, {"mine", "before the request"}, "rounds") == 150);
  CHECK(number(t, {"mine", "while it is served"}, "rounds") == 4);
  CHECK(number(t, {"mine", "afterwards"}, "rounds") == 56);
  for (const char* part : {"before the request", "while it is served", "afterwards"}) {
    CAPTURE(part);
    CHECK(number(t, {"mine", part}, "round") == Approx(2));
    CHECK(number(t, {"mine", part}, "compute") == Approx(1.6));
    CHECK(number(t, {"mine", part}, "link") == Approx(0.4));
    CHECK(number(t, {"mine", part}, "queue") == Approx(0).epsilon(1e-9));
    CHECK(number(t, {"mine", part}, "barrier") == 0);
    CHECK(number(t, {"mine", part}, "unlearning stall") == 0);
    CHECK(number(t, {"mine", part}, "others waited") == 0);
    CHECK(at(t, {"mine", part}, "straggler").text == "client/0 (100 %)");  // update 2, 4, ... are its
  }
  const auto rounds = rounds_table(a, 0);
  CHECK(number(rounds, {"mine", "1", "51"}, "begin") == 100);
  CHECK(number(rounds, {"mine", "1", "51"}, "end") == 102);
  CHECK(*a.figures(a.study().cells[0])->round_seconds == Approx(2));
}

TEST_CASE("the distance table: against the references' means of the same seed, and what is missing is told") {
  Made made;
  made.study.manifest["distances"] = {"retrain"};
  made.study.save();
  std::string csv = "cell,point,figure,value\n";
  for (int seed : {1, 2, 3})
    csv += "cells/mine/seed=" + std::to_string(seed) + ",final,forget.js,0.0" + std::to_string(seed) + "\n";
  csv += "cells/mine/seed=1,final,forget.agreement,0.9\ncells/mine/seed=2,final,forget.agreement,nan\n";
  csv += "cells/mine/seed=3,final,forget.agreement,\n";
  csv += "cells/retrain/seed=1,references,forget.js,0.005\n";
  csv += "cells/mine/seed=1,final,parameters.absolute,2\ncells/mine/seed=2,final,parameters.absolute,4\n";
  csv += "cells/mine/seed=1,final,parameters.squared,4\ncells/mine/seed=2,final,parameters.squared,16\n";
  csv +=
      "cells/mine/seed=1,final,layer:fc.weight.absolute,3\ncells/mine/seed=1,final,layer:fc.weight.relative,nan\n";
  csv += "cells/mine/seed=1,merged,layer:fc.weight.absolute,7\n";
  csv += "cells/retrain/seed=1,references,layer:fc.weight.absolute,5\n";
  test::write_text(made.study.folder / "distances.csv", csv);
  made.study.edit("mine", 1,
                  [](Json& j) { j["final"]["forget_accuracy"] = 0.73; });  // the reference's is 0.7
  const auto a = made.analysis();
  const auto t = distance_table(a);
  CHECK(number(t, {"mine", "late"}, "seeds") == 3);
  CHECK(number(t, {"mine", "late"}, "JS") == Approx(0.02));
  CHECK(number(t, {"mine", "late"}, "agreement") == Approx(0.9));
  CHECK(number(t, {"mine", "late"}, "forget accuracy") == Approx(0.01));  // 3, 0 and 0 pp
  CHECK(number(t, {"mine", "late"}, "attack success") == Approx(0));
  CHECK(number(t, {"among retrains", "late"}, "JS") == Approx(0.005));
  CHECK(number(t, {"mine", "late"}, "|w - w_ref|") == Approx(3));
  CHECK(number(t, {"mine", "late"}, "|w - w_ref|^2") == Approx(10));  // no square of a mean
  CHECK(at(t, {"mine", "late"}, "|w - w_ref| / |w_ref|").text == absent_text);
  const auto layers = layer_distance_table(a);
  REQUIRE(layers.rows.size() == 2);
  CHECK(number(layers, {"mine", "fc.weight"}, "|w - w_ref|") == Approx(3));  // at the end, not at the merge
  CHECK(at(layers, {"mine", "fc.weight"}, "|w - w_ref| / |w_ref|").text == absent_text);
  CHECK(number(layers, {"among retrains", "fc.weight"}, "|w - w_ref|") == Approx(5));
  CHECK(t.caption.find("Missing in distances.csv, and in no mean: cells/mine/seed=2, late forget.agreement; "
                       "cells/mine/seed=3, late forget.agreement.") != std::string::npos);
}

TEST_CASE("no table or chart calls a figure equivalent that a constant classifier has too") {
  const auto made = test::FidelityStudy({"test_accuracy", "test_auc"}, test::constant_classifier,
                                        test::constant_classifier);
  const Analysis a(read_study(made.folder.path()));
  const auto headline = headline_table(a, 0), comparisons = comparison_table(a, 0);
  for (const char* metric :
       {"test accuracy", "balanced accuracy", "test AUC", "test loss", "calibration error"}) {
    CAPTURE(metric);
    CHECK(at(headline, {"mine"}, metric).note == "no power");
    CHECK(at(comparisons, {"mine", metric}, "equivalence").text == "no power");
  }
  CHECK(at(headline, {"mine"}, "attack success rate").note == "equivalent");
  CHECK(at(headline, {"mine"}, "test loss").text == "1.040 ± 0.000");  // and no per cent
  CHECK(at(comparisons, {"mine", "test loss"}, "margin").text == "± 0.030");
  CHECK(heading(headline.columns.at(2)) == "test accuracy (majority class 50.0 %)");
  CHECK(headline.columns.at(2).name == "test accuracy");  // of the CSV
  CHECK(comparisons.caption.find("Test accuracy: the majority class alone is 50.0 %.") != std::string::npos);
  for (const auto& chart : difference_strips(a, 0)) {
    CHECK(chart.caption.find("No power: retrain's test ") != std::string::npos);
    CHECK(chart.caption.find("is not clearly above a constant classifier's") != std::string::npos);
  }
  const auto sound = test::FidelityStudy({"test_accuracy"}, test::sound_classifier, test::sound_classifier);
  const Analysis b(read_study(sound.folder.path()));
  CHECK(at(headline_table(b, 0), {"mine"}, "test accuracy").note == "equivalent");
  CHECK(difference_strips(b, 0).at(0).caption.find("No power") == std::string::npos);
}
