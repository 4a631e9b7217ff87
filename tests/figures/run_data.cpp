/// Runs read back: what is missing in them is told, what cannot be is refused.
#include "figures/run_data.hpp"

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

#include "tests/figures/study_folder.hpp"

#include <doctest/doctest.h>

using namespace afu;
using namespace afu::figures;
using Json = nlohmann::ordered_json;

namespace {

struct Made {
  test::SyntheticStudy study{{1}};
  Made() {
    study.arm("mine", "method", false, [](std::uint64_t) { return test::SyntheticRun{}; });
  }
  Run read() const { return read_run(study.cell("mine", 1)); }
  std::string why(const std::function<void(Json&)>& change) const {
    const auto file = study.cell("mine", 1) / "summary.json";
    const auto good = test::text_of(file);
    study.edit("mine", 1, change);
    std::string out = "it was read";
    try {
      read();
    } catch (const ReportError& e) {
      out = e.what();
      out = out.substr(out.find("summary.json"));
    }
    test::write_text(file, good);
    return out;
  }
};

}  // namespace

TEST_CASE("a summary of another schema is refused, and values that cannot be are named") {
  const Made made;
  CHECK(made.why([](Json& j) { j["schema"] = 99; }) == "summary.json: schema is 99, this program reads 1");
  CHECK(made.why([](Json& j) { j.erase("schema"); }) == "summary.json: schema is missing");
  CHECK(made.why([](Json& j) { j["schema"] = "1"; }) ==
        "summary.json: schema is \"1\", this program reads 1");
  CHECK(made.why([](Json& j) { j["final"]["mia_auc"] = 1e9; }) ==
        "summary.json: final.mia_auc is 1e+09, allowed is 0 to 1");
  CHECK(made.why([](Json& j) { j["erasures"][0]["requested_at"] = -1; }) ==
        "summary.json: erasures[0].requested_at is -1, allowed is 0 to 1e+18");
  CHECK(
      made.why([](Json& j) { j["erasures"][0]["client"] = 1e30; })
          .find(
              "summary.json: erasures[0].client has the value 1e+30, allowed are whole numbers from 0 to") ==
      0);
  CHECK(made.why([](Json& j) { j["counters"]["updates"] = -5; }).find("counters.updates has the value -5") !=
        std::string::npos);
  CHECK(made.why([](Json& j) { j["virtual_seconds"] = nullptr; }) ==
        "summary.json: virtual_seconds has the value null, wanted is a number");
  CHECK(made.why([](Json& j) { j["context"] = {1}; }) == "summary.json: context is no object");
  CHECK(made.why([](Json& j) { j["method"] = 5; }) ==
        "summary.json: method has the value 5, wanted is a text");
  CHECK(made.why([](Json& j) { j["context"]["erasure_costs"] = Json::array(); }) ==
        "summary.json: context.erasure_costs has 0 entries, wanted one for each of 1 erasures");
  CHECK(made.why([](Json& j) { j["erasures"][0]["client"] = nullptr; }) == "it was read");
}

TEST_CASE("a figure that is no number, or empty where others are not, is a flaw with its line") {
  const Made made;
  CHECK(made.read().flaws.empty());
  const auto file = made.study.cell("mine", 1) / "metrics.csv";
  const auto good = test::text_of(file);  // a header and 23 rows
  test::write_text(file, good +
                             "1,130,0,140,forgotten,nan,,0.7,0.8,0.5,0.5,inf,,,\n"
                             "1,131,0,140,forgotten,0.5,,0.7,0.8,,0.5,,,,\n");
  const auto run = made.read();
  REQUIRE(run.flaws.size() == 3);
  CHECK(run.flaws[0].metric == find_metric("test_accuracy"));
  CHECK(run.flaws[0].text == "metrics.csv:25: test_accuracy is 'nan'");
  CHECK(run.flaws[1].text == "metrics.csv:25: test_loss is 'inf'");
  CHECK(run.flaws[2].text == "metrics.csv:26: attack_success_rate is empty");
  CHECK_FALSE(run.rows[23].test_accuracy);
  CHECK_FALSE(run.rows[23].test_loss);
  CHECK(*run.rows[23].attack_success_rate == 0.5);

  auto without = good;
  for (const char* cell : {",0.9,0.85,", ",0.7,0.82,"})
    for (auto at = without.find(cell); at != without.npos; at = without.find(cell))
      without.replace(at, 10, "," + std::string(cell + 4));
  test::write_text(file, without + "1,130,0,140,forgotten,0.5,,0.7,0.8,0.5,0.5,,,,\n");
  CHECK(made.read().flaws.at(0).text ==
        "metrics.csv:25: forget_accuracy is the first; rows before it are empty");
  test::write_text(file, good);
  made.study.edit("mine", 1, [](Json& j) { j["final"]["attack_success_rate"] = nullptr; });
  CHECK(made.read().flaws.at(0).text == "summary.json: final.attack_success_rate is null");
}

TEST_CASE("folders of an older afu, without the later metrics, are read, and newer ones with more columns") {
  test::SyntheticStudy study{{1}};
  study.arm("mine", "method", false, [](std::uint64_t) {
    test::SyntheticRun r;
    r.final.balanced_accuracy = 0.75, r.final.test_loss = 1.5;
    r.before.balanced_accuracy = 0.875, r.before.test_loss = 1;
    return r;
  });
  const auto file = study.cell("mine", 1) / "metrics.csv";
  const auto with = [&](const std::string& head, const std::string& tail) {
    std::istringstream in(test::text_of(file));
    std::string out, line;
    while (std::getline(in, line)) {
      const bool first = out.empty();
      if (first ? line != record::metrics_header : line.substr(line.size() - 3) != ",,,")
        throw std::logic_error("not as it was written: " + line);
      const auto kept = first ? line.substr(0, line.find(",test_auc")) : line.substr(0, line.size() - 3);
      out += kept + (first ? head : tail) + "\n";
    }
    return out;
  };
  const auto old = with("", ""), newer = with(",test_auc,calibration_error,other", ",0.75,0.25,x"),
             misspelt = with("x", "");
  test::write_text(file, old);
  study.edit("mine", 1, [](Json& j) {
    for (const char* key : {"balanced_accuracy", "test_auc", "test_loss", "calibration_error", "brier_score"})
      for (const char* where : {"final", "before_erasure"}) j[where].erase(key);
  });
  auto run = read_run(study.cell("mine", 1));
  CHECK(run.flaws.empty());
  CHECK(*run.summary.final.balanced_accuracy == 0.75);  // of the last row
  CHECK(*run.summary.final.test_loss == 1.5);
  CHECK_FALSE(run.summary.final.test_auc);
  CHECK_FALSE(run.summary.before_erasure.balanced_accuracy);
  CHECK(*run.rows.back().test_loss == 1.5);
  CHECK_FALSE(run.rows.back().calibration_error);

  test::write_text(file, newer);
  run = read_run(study.cell("mine", 1));
  CHECK(*run.rows.back().test_auc == 0.75);
  CHECK(*run.summary.final.calibration_error == 0.25);

  test::write_text(file, misspelt);
  CHECK_THROWS_AS(read_run(study.cell("mine", 1)), ReportError);
}

TEST_CASE("a loss may be above 1 and a share may not, and neither below 0") {
  const Made made;
  CHECK(made.why([](Json& j) { j["final"]["test_loss"] = 12.5; }) == "it was read");
  CHECK(made.why([](Json& j) { j["final"]["test_loss"] = 1.86e26; }) == "it was read");  // nearly diverged
  CHECK(made.why([](Json& j) { j["final"]["test_loss"] = -0.5; }) ==
        "summary.json: final.test_loss is -0.5, allowed is 0 to 1e+39");
  CHECK(made.why([](Json& j) { j["final"]["test_auc"] = 1.5; }) ==
        "summary.json: final.test_auc is 1.5, allowed is 0 to 1");
  const auto file = made.study.cell("mine", 1) / "metrics.csv";
  const auto good = test::text_of(file);
  test::write_text(file, good + "1,130,0,140,forgotten,0.5,,0.7,0.8,0.5,0.5,12.5,,,\n");
  CHECK(*made.read().rows.back().test_loss == 12.5);
  for (const auto& [cells, why] : {std::pair("-1,,,", "25: test_loss is -1, allowed is 0 to 1e+39"),
                                   {",2,,", "25: test_auc is 2, allowed is 0 to 1"},
                                   {",,1.01,", "25: calibration_error is 1.01, allowed is 0 to 1"},
                                   {",,,2.5", "25: brier_score is 2.5, allowed is 0 to 2"}}) {
    test::write_text(file, good + "1,130,0,140,forgotten,0.5,,0.7,0.8,0.5,0.5," + cells + "\n");
    CHECK_THROWS_WITH_AS(made.read(), doctest::Contains(why), ReportError);
  }
}

TEST_CASE("what a run tells of its sets is read, and cannot be a set without classes") {
  const Made made;
  const auto run = made.read();
  REQUIRE(run.summary.test_set);
  CHECK(run.summary.test_set->samples == 400);
  CHECK(run.summary.test_set->classes == 4);
  CHECK(run.summary.test_set->majority_share == 0.4);
  CHECK(run.summary.test_set->entropy == 1.3);
  REQUIRE(run.summary.retain_set);
  CHECK(run.summary.retain_set->majority_share == 0.5);
  const std::pair<std::string, std::string> told{"test_set", "400 samples of 4 classes, the largest 40.0 %"};
  CHECK(std::find(run.context.begin(), run.context.end(), told) != run.context.end());
  CHECK(made.why([](Json& j) { j["context"]["test_set"]["classes"] = 0; }) ==
        "summary.json: context.test_set.classes is 0, allowed is 1 to 1e+18");
  CHECK(made.why([](Json& j) { j["context"]["test_set"]["majority_share"] = 1.5; }) ==
        "summary.json: context.test_set.majority_share is 1.5, allowed is 0 to 1");
  made.study.edit("mine", 1, [](Json& j) { j["context"].erase("test_set"); });
  CHECK_FALSE(made.read().summary.test_set);
}
