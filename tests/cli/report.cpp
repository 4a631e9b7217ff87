/// afu report as a user meets it: a run made by afu run, reported on alone and as a study's only cell.
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "../record/temporary_folder.hpp"
#include "figures/client_figures.hpp"
#include "support.hpp"

using namespace afu;
using afu::test::afu_command;
using afu::test::Folder;
using afu::test::text_of;
using afu::test::tiny;
using afu::test::write_text;
namespace fs = std::filesystem;

namespace {

struct Reports {
  Folder folder;
  int command(const std::string& arguments) const { return afu_command(folder, arguments).status; }
  std::string path(const std::string& name) const { return (folder.path / name).string(); }
  std::string text(const std::string& name) const { return text_of(folder.path / name); }
};

bool contains(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

}  // namespace

TEST_CASE(
    "figures by client and by site are written, measured alike with any number of lanes, and reported on") {
  const Reports f;
  write_text(f.folder.path / "tiny.toml", tiny);
  const auto run =
      "run " + f.path("tiny.toml") + " -q --set evaluation.by_client=true --set partition.shift.noise=0.1";
  REQUIRE(f.command(run + " -o " + f.path("one")) == 0);
  REQUIRE(f.command(run + " --set compute.lanes=3 -o " + f.path("three")) == 0);
  const auto rows = f.text("one/clients.csv");
  CHECK(rows == f.text("three/clients.csv"));
  const auto all = figures::read_client_figures(f.folder.path / "one", 1e9);
  REQUIRE(all.size() == 6);
  for (std::size_t i = 0; i < all.size(); ++i) {
    CHECK(all[i].set == (i < 3 ? "holdout" : "test"));
    CHECK(all[i].client == static_cast<std::int64_t>(i % 3));
    CHECK(all[i].last.accuracy.has_value());
    CHECK(all[i].last.loss.has_value());
  }
  // The sites' test images are all test images: the mean of their accuracies, by size, is the test accuracy.
  const auto summary = nlohmann::json::parse(f.text("one/summary.json"));
  double right = 0, images = 0;
  for (std::size_t i = 3; i < 6; ++i) {
    const auto n = static_cast<double>(all[i].samples);
    right += n * *all[i].last.accuracy;
    images += n;
  }
  CHECK(images == 20);
  CHECK(right / images == doctest::Approx(summary["final"]["test_accuracy"].get<double>()));
  REQUIRE(f.command("report " + f.path("one") + " --output " + f.path("page")) == 0);
  for (const char* part : {"id=\"clients\"", "id=\"sites\"", "Accuracy at the end: "})
    CHECK(contains(f.text("page/report.html"), part));
  REQUIRE(f.command("run " + f.path("tiny.toml") + " -q -o " + f.path("without")) == 0);
  CHECK_FALSE(fs::exists(f.folder.path / "without/clients.csv"));
}

TEST_CASE("a run is reported on, alone and in a study") {
  const Reports f;
  write_text(f.folder.path / "tiny.toml", tiny);
  REQUIRE(f.command("run " + f.path("tiny.toml") + " -q -o " + f.path("s/cells/mine/seed=1")) == 0);

  REQUIRE(f.command("report " + f.path("s/cells/mine/seed=1") + " --output " + f.path("alone")) == 0);
  CHECK(contains(f.text("out"), "alone/report.html"));
  const auto alone = f.text("alone/report.html");
  for (const char* part :
       {"tiny: afu_ic", "id=\"timeline\"", "id=\"blame\"", "test accuracy (majority class ",
        "balanced accuracy", "test AUC", "g-compute", "client/1"}) {
    CAPTURE(part);
    CHECK(contains(alone, part));
  }
  CHECK_FALSE(fs::exists(f.folder.path / "s/cells/mine/seed=1/report.html"));

  const auto cell = [](const char* arm, int seed) {
    return nlohmann::json{{"arm", arm},
                          {"seed", seed},
                          {"axes", nlohmann::json::object()},
                          {"folder", "cells/" + std::string(arm) + "/seed=" + std::to_string(seed)}};
  };
  const nlohmann::json study{
      {"schema", 1},
      {"name", "s"},
      {"help", ""},
      {"file", "s.toml"},
      {"base", "tiny.toml"},
      {"command", "afu study s.toml"},
      {"subject", "mine"},
      {"reference", "retrain"},
      {"seeds", {1, 2}},
      {"axes", nlohmann::json::array()},
      {"arms",
       {{{"name", "mine"}, {"role", "method"}, {"synchronous", false}},
        {{"name", "retrain"}, {"role", "reference"}, {"synchronous", false}}}},
      {"rebound", {{"enabled", true}, {"rounds", 2}, {"tail_rounds", 1}, {"round_updates", 2}}},
      {"statistics",
       {{"confidence", 0.95},
        {"margins", {{"test_accuracy", 0.02}}},
        {"family", {"test_accuracy"}},
        {"rebound_margin", 0.05},
        {"throughput_margin", 0.95},
        {"latency_ratio", 10.0}}},
      {"claims", {"equivalence", "no_rebound", "no_downtime", "latency"}},
      {"cells", {cell("mine", 1), cell("mine", 2), cell("retrain", 1), cell("retrain", 2)}}};
  write_text(f.folder.path / "s/study.json", study.dump(1));
  REQUIRE(f.command("report " + f.path("s")) == 0);
  CHECK(contains(f.text("out"), "1 of 4 cells completed, 3 not run yet"));
  CHECK(contains(f.text("s/report.html"), "not enough power"));
  CHECK(contains(f.text("s/report.md"), "## What was found"));
  CHECK(fs::exists(f.folder.path / "s/tables/headline.csv"));
  CHECK(fs::exists(f.folder.path / "s/tables/headline.tex"));
}

TEST_CASE("a folder that is none exits with 2 and says why") {
  const Reports f;
  CHECK(f.command("report " + f.path("nowhere")) == 2);
  CHECK(contains(f.text("err"), "no such folder"));
  CHECK(f.command("report") == 2);
  write_text(f.folder.path / "study.json", "{\n\"schema\": 1,\n");
  CHECK(f.command("report " + f.folder.path.string()) == 2);
  CHECK(contains(f.text("err"), "study.json:3"));
}
