/// What users get after a request, on runs whose figures are known by counting.
#include "figures/service.hpp"

#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "page/charts.hpp"
#include "page/tables.hpp"

using namespace afu;
using namespace afu::figures;
using namespace afu::page;
using doctest::Approx;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

const Metric& balanced = *find_metric("balanced_accuracy");

struct Version {
  double time;
  std::uint64_t version, epoch, updates;
  std::optional<double> accuracy;
};

/// The run ends at second 60 unless told otherwise.
Run run_of(const std::vector<Version>& versions, std::vector<record::ErasureRecord> erasures,
           double ends = 60) {
  Run run;
  for (const auto& v : versions) {
    record::MetricsRow r;
    r.time = v.time;
    r.version = v.version;
    r.epoch = v.epoch;
    r.updates = v.updates;
    r.balanced_accuracy = v.accuracy;
    r.test_accuracy = 0.5;
    run.rows.push_back(r);
  }
  run.summary.erasures = std::move(erasures);
  run.summary.virtual_seconds = ends;
  run.summary.final.test_accuracy = 0.5;
  return run;
}

record::ErasureRecord request(double at, std::optional<double> merged, std::optional<double> forgotten) {
  record::ErasureRecord e;
  e.requested_at = at;
  e.merged_at = merged;
  e.forgotten_at = forgotten;
  return e;
}

/// Published at the request, at second 10, with 40 %: 0.5 s later 60 %, 1.5 s later 82, 2 s later 86.
Run at_once() {
  return run_of({{8, 8, 0, 8, 0.9},
                 {10, 10, 0, 10, 0.8},
                 {10, 11, 1, 10, 0.4},
                 {10.5, 12, 1, 11, 0.6},
                 {11.5, 13, 1, 12, 0.79},
                 {12, 14, 1, 13, 0.86}},
                {request(10, 10, 11)});
}

/// The old model is served until second 30, while 20 % and 50 % are trained from the initial model.
Run retraining() {
  return run_of({{10, 10, 0, 10, 0.8},
                 {15, 15, 1, 4, 0.2},
                 {20, 20, 1, 8, 0.5},
                 {30, 30, 1, 10, 0.77},
                 {40, 40, 1, 20, 0.85}},
                {request(10, 30, 30)});
}

}  // namespace

TEST_CASE("service lost is the accuracy below that of the version the request found, over time") {
  const auto c = served_curve(at_once(), balanced, false, 2);
  CHECK(c.base == 0.8);
  CHECK(c.unknown.empty());
  CHECK(c.known_until == 50);
  const auto s = service_of(c, 20, 0.02);
  REQUIRE(s);
  // 40 pp for half a second, 20 pp for a second, 1 pp for half a second; what lies above makes up for
  // nothing.
  CHECK(s->lost == Approx(40 * 0.5 + 20 * 1 + 1 * 0.5));
  CHECK(*s->below == Approx(1.5));  // 79 % lies within the margin
  CHECK(s->held == 0);
  // Cut at the horizon, in the middle of a version.
  CHECK(service_of(c, 1, 0.02)->lost == Approx(40 * 0.5 + 20 * 0.5));
  CHECK(*service_of(c, 1, 0.02)->below == Approx(1));
  CHECK(service_of(c, 0, 0.02)->lost == 0);
  CHECK_FALSE(service_of(c, 1, std::nullopt)->below);
  CHECK(served_curve(at_once(), *find_metric("test_accuracy"), false, 2).base == 0.5);
}

TEST_CASE("a retraining serves the old model until it has caught up: nothing lost, and not erased") {
  const auto c = served_curve(retraining(), balanced, true, 5);
  REQUIRE(c.versions.size() == 3);  // neither of the weak ones
  const auto until_there = service_of(c, 20, 0.02);
  CHECK(until_there->lost == 0);
  CHECK(*until_there->below == 0);
  CHECK(until_there->held == 20);
  const auto s = service_of(c, 40, 0.02);
  CHECK(s->lost == Approx(3 * 10));
  CHECK(*s->below == 10);
  CHECK(s->held == 20);
  CHECK(*c.erased() == 20);
  CHECK(c.at(-1) == 0.8);
  CHECK(c.at(19.9) == 0.8);
  CHECK(c.at(20) == 0.77);
  // Were they published, as by a method that replaces the model, they would count.
  CHECK(service_of(served_curve(retraining(), balanced, false, 5), 20, 0.02)->lost ==
        Approx(60 * 5 + 30 * 10));
}

TEST_CASE("a retraining that does not catch up serves the old model to the end") {
  auto run = retraining();
  run.summary.erasures = {request(10, std::nullopt, std::nullopt)};
  const auto c = served_curve(run, balanced, true, 5);
  CHECK(c.versions.size() == 1);
  CHECK_FALSE(c.erased());
  CHECK(service_of(c, 50, 0.02)->lost == 0);
  CHECK(service_of(c, 50, 0.02)->held == 50);
}

TEST_CASE("of retrainings one after the other each is published when it has caught up") {
  // The second request comes during the first retraining; both have a model of their own.
  auto run = run_of({{10, 10, 0, 10, 0.8},
                     {15, 15, 1, 5, 0.3},
                     {30, 30, 1, 10, 0.7},
                     {35, 35, 2, 5, 0.2},
                     {50, 50, 2, 10, 0.8}},
                    {request(10, 30, 30), request(12, 50, 50)});
  const auto c = served_curve(run, balanced, true, 20);
  REQUIRE(c.versions.size() == 3);
  CHECK(c.versions[1].since == 20);
  CHECK(c.versions[1].utility == 0.7);
  CHECK(c.versions[2].since == 40);
  const auto s = service_of(c, 45, 0.02);
  CHECK(s->lost == Approx(10 * 20));
  CHECK(s->held == 40);  // the time in which one of two requests waits counts once
  CHECK(*c.erased() == 40);
}

TEST_CASE("several requests: what holds any of them that was made holds what was to be erased") {
  const auto run = run_of({{10, 10, 0, 10, 0.8}, {60, 60, 3, 11, 0.8}},
                          {request(10, 12, 13), request(30, 35, 36), request(34, 40, 40)});
  const auto s = service_of(served_curve(run, balanced, false, 5), 50, 0.02);
  CHECK(s->held == Approx(2 + 10));
  auto never = run;
  never.summary.erasures[1].merged_at.reset();
  CHECK(service_of(served_curve(never, balanced, false, 5), 50, 0.02)->held == Approx(2 + 30));
}

TEST_CASE("where evaluations are too far apart nothing is made up") {
  // Of rounds of two updates: four updates between two evaluations are few enough, five are not.
  const auto with = [](std::uint64_t updates) {
    return served_curve(run_of({{10, 10, 0, 10, 0.8}, {12, 12, 1, 12, 0.6}, {20, 16, 1, 12 + updates, 0.8}},
                               {request(10, 12, 12)}),
                        balanced, false, 2);
  };
  CHECK(with(4).unknown.empty());
  const auto sparse = with(5);
  CHECK(sparse.known_until == 2);
  CHECK(sparse.unknown ==
        "between 12 s and 20 s 3 versions were published and none evaluated, of 5 updates: "
        "evaluation.every_updates, evaluation.dense_updates");
  CHECK_FALSE(service_of(sparse, 3, 0.02));
  CHECK(service_of(sparse, 2, 0.02)->lost == 0);  // the old model, so far as it is known
  // Merges that are far apart leave nothing out: every version was evaluated.
  CHECK(served_curve(run_of({{10, 10, 0, 10, 0.8}, {30, 11, 1, 90, 0.6}}, {request(10, 30, 30)}), balanced,
                     false, 2)
            .unknown.empty());
}

TEST_CASE("a version without the figure ends what is known, and is named") {
  auto run = at_once();
  run.rows[4].balanced_accuracy.reset();
  const auto c = served_curve(run, balanced, false, 2);
  CHECK(c.unknown == "version 13, published at 11.5 s, has no balanced accuracy");
  CHECK(c.known_until == 1.5);
  CHECK_FALSE(service_of(c, 2, 0.02));
  run.rows[1].balanced_accuracy = std::numeric_limits<double>::quiet_NaN();
  CHECK(served_curve(run, balanced, false, 2).unknown ==
        "version 10, published at 10 s, has no balanced accuracy");
  run.rows.erase(run.rows.begin(), run.rows.begin() + 2);
  const auto none = served_curve(run, balanced, false, 2);
  CHECK(none.unknown == "no version from before the request was evaluated");
  CHECK_FALSE(service_of(none, 0, 0.02));
  CHECK(none.held.size() == 1);
  CHECK(served_curve(run_of({{1, 1, 0, 1, 0.8}}, {}), balanced, false, 2).unknown ==
        "nobody asked to be forgotten");
}

TEST_CASE("all arms are looked at as long as the first of their runs lasts, and fifty rounds at most") {
  CHECK(service_horizon({30, 20, 40}, std::nullopt) == 20);
  CHECK(service_horizon({30, 20, 40}, 1.0) == 20);
  CHECK(service_horizon({30, 20, 40}, 0.1) == Approx(5));
}

namespace {

/// One group and seeds 1 and 2 of two arms: both publish at the request; the reference is the better one.
Study study_of(const std::vector<std::vector<Run>>& arms) {
  Study s;
  s.name = "made";
  s.seeds = {1, 2};
  s.groups = {""};
  s.group_values = {{}};
  s.statistics.margins = {{"test_accuracy", 0.02}};
  s.subject = 0;
  s.reference = 1;
  for (std::size_t arm = 0; arm < arms.size(); ++arm) {
    s.arms.push_back({arm == 0 ? "mine" : "retrain", Arm::Role::method, false});
    for (std::size_t i = 0; i < arms[arm].size(); ++i)
      s.cells.push_back({arm,
                         0,
                         i + 1,
                         "cells/" + s.arms[arm].name + "/seed=" + std::to_string(i + 1),
                         Cell::State::completed,
                         {},
                         arms[arm][i]});
  }
  return s;
}

Run old_model(double ends) {
  return run_of({{10, 10, 0, 10, 0.8}, {ends, 11, 0, 11, 0.8}}, {request(10, std::nullopt, std::nullopt)},
                ends);
}

}  // namespace

TEST_CASE("the table of service has every arm over the same time, by balanced accuracy") {
  auto worse = at_once();
  worse.rows[2].balanced_accuracy = 0.2;  // 60 pp for half a second
  for (auto* run : {&worse}) run->rows[1].updates = run->rows[2].updates = 11;
  auto first = at_once();
  // Without an event log a round has no known number of updates: every version was evaluated.
  const Analysis a(study_of({{first, worse}, {old_model(14), old_model(20)}}));
  CHECK(a.utility().name == std::string("balanced_accuracy"));
  CHECK(*a.utility_margin() == 0.02);
  const auto t = service_table(a, 0);
  REQUIRE(t.rows.size() == 2);
  CHECK(t.columns[2].name == "service lost");
  CHECK(t.columns[2].unit == "pp s");
  CHECK(t.rows[0][1].csv == "7");  // 4 and 10 s: the shorter run of each seed
  CHECK(t.rows[1][1].csv == "7");
  CHECK(std::stod(t.rows[0][2].csv) == Approx((40.5 + 50.5) / 2));
  CHECK(contains(t.rows[0][2].text, "45.5 ± "));
  CHECK(contains(t.rows[0][2].text, " pp s"));
  CHECK(std::stod(t.rows[0][3].csv) == Approx(1.5));
  CHECK(t.rows[0][4].csv == "0");
  CHECK(t.rows[0][4].note.empty());
  CHECK(t.rows[1][2].csv == "0");
  CHECK(t.rows[1][3].csv == "0");
  CHECK(t.rows[1][4].csv == "7");
  CHECK(t.rows[1][4].note == "2 to the end");
  CHECK(without_service(a, 0).empty());

  const auto chart = service_curves(a, 0);
  CHECK(chart.id == "service");
  CHECK(contains(chart.svg, "mine: erased after 0.00 s, at 30.0 %"));
  CHECK_FALSE(contains(chart.svg, "retrain: erased"));
  CHECK(chart.data.rows.size() == 2 * 241);
  CHECK(chart.data.rows.front()[2].csv == "80");  // before the request
}

TEST_CASE("a cell of which it is not known what users got is named, and the others' seeds counted") {
  auto sparse = at_once();
  sparse.rows[3].balanced_accuracy.reset();
  auto no_request = at_once();
  no_request.summary.erasures.clear();
  const Analysis a(study_of({{sparse, at_once()}, {old_model(20), no_request}}));
  const auto t = service_table(a, 0);
  CHECK(t.rows[0][2].note == "1 of 2");
  CHECK(std::stod(t.rows[0][2].csv) == Approx(40.5));
  const auto untold = without_service(a, 0);
  REQUIRE(untold.size() == 2);
  CHECK(untold[0] == "cells/mine/seed=1 (version 12, published at 10.5 s, has no balanced accuracy)");
  CHECK(untold[1] == "cells/retrain/seed=2 (nobody asked to be forgotten)");
}

TEST_CASE("where nothing was measured, or nobody asked, there is no table of service") {
  auto unmeasured = at_once();
  unmeasured.rows.clear();
  unmeasured.summary.final = {};  // the protocol alone ran
  auto nobody = at_once();
  nobody.summary.erasures.clear();
  for (const auto& run : {unmeasured, nobody}) {
    const Analysis a(study_of({{run, run}, {run, run}}));
    CHECK(service_table(a, 0).rows.empty());
    CHECK(service_curves(a, 0).data.rows.empty());
    CHECK(without_service(a, 0).empty());
  }
}

TEST_CASE("margins: balanced accuracy has test accuracy's unless it has one of its own") {
  StatisticsPlan plan;
  CHECK_FALSE(plan.margin("balanced_accuracy"));
  plan.margins = {{"test_accuracy", 0.02}, {"mia_auc", 0.03}};
  CHECK(*plan.margin("balanced_accuracy") == 0.02);
  CHECK_FALSE(plan.margin("forget_accuracy"));
  plan.margins["balanced_accuracy"] = 0.01;
  CHECK(*plan.margin("balanced_accuracy") == 0.01);
}
