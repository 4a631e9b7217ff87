/// Attacks on whole runs: what is written, that they change nothing, and that they tell a leak from a
/// retraining.
#include <fmt/format.h>

#include <cmath>
#include <map>
#include <set>

#include "support.hpp"

using namespace afu;
using namespace afu::test;

namespace {

/// Three clients learn hard images by heart; held-out halves are the non-members; client 0 asks after 60.
const char* overfitted = R"(
[scenario]
name = "overfitted"
seed = 5
[data]
image_size = 12
classes = 4
train_samples = 600
val_samples = 40
test_samples = 40
difficulty = 1.0
[partition]
clients = 3
holdout_fraction = 0.5
[model]
name = "mlp"
hidden = 128
[training]
batch_size = 16
lr = 0.05
local_epochs = 10
server_lr = 0.3
weight_by_samples = false
[calibration]
samples_per_environment = 4
[evaluation]
reference_models = 2
reference_epochs = 60
[[erasure]]
client = 0
at_update = 60
[stop]
updates = 61
)";

using Table = std::map<std::string, double>;  ///< "final.loss.auc"

Table table(const Played& p) {
  Table t;
  for (const auto& r : p.result.report.attacks) t[r.point + "." + r.attack + "." + r.figure] = r.value;
  return t;
}
std::string text(const Played& p) {
  std::string all;
  for (const auto& r : p.result.report.attacks)
    all += fmt::format("{},{},{},{},{},{},{}\n", r.point, r.version, r.updates, r.time, r.attack, r.figure,
                       r.value);
  return all;
}

const char* attacks_with_auc[] = {"loss",
                                  "confidence",
                                  "entropy",
                                  "modified_entropy",
                                  "class_confidence",
                                  "class_entropy",
                                  "class_modified_entropy",
                                  "lira",
                                  "rmia"};

}  // namespace

TEST_CASE(
    "every attack reads clearly above chance where a client just leaves, and chance after a retraining") {
  const auto left = play(overfitted, {"unlearning.method=none"});
  REQUIRE(left.result.report.failure == "");
  const auto again = play(overfitted, {"unlearning.method=retrain"});
  REQUIRE(again.result.report.failure == "");
  const auto leaves = table(left), retrained = table(again);
  for (const std::string name : attacks_with_auc) {
    CAPTURE(name);
    const auto auc = "final." + name + ".auc", error = auc + "_error";
    CHECK(leaves.at(auc) - 3 * leaves.at(error) > 0.5);
    CHECK(std::abs(retrained.at(auc) - 0.5) <= 1.96 * retrained.at(error));
    CHECK(retrained.at("before." + name + ".auc") > 0.6);  // it knew the samples until then
  }
  CHECK(leaves.at("final.scrub.accuracy") > 0.7);
  CHECK(retrained.at("final.scrub.accuracy") == doctest::Approx(0.5).epsilon(0.2));
  CHECK(leaves.at("final.confidence.efficacy") < leaves.at("final.confidence.efficacy_holdout"));
}

TEST_CASE("attacks are reported at four points, in order, and change nothing else") {
  const std::vector<std::string> on{"evaluation.attacks=all", "stop.updates=60", "model.name=mlp"};
  const auto p = play(small, on);
  REQUIRE(p.result.report.failure == "");
  std::vector<std::string> points;
  std::map<std::string, std::uint64_t> updates;
  for (const auto& r : p.result.report.attacks) {
    if (points.empty() || points.back() != r.point) points.push_back(r.point);
    updates[r.point] = r.updates;
  }
  CHECK(points == std::vector<std::string>{"before", "merged", "plus16", "final"});
  CHECK(updates["before"] == 18);
  CHECK(updates["plus16"] >= updates["merged"] + 16);
  CHECK(updates["final"] == 60);
  const auto t = table(p);
  CHECK(t.count("final.backdoor.success") == 1);
  CHECK(t.count("final.backdoor_control.lift") == 1);
  CHECK(t.count("final.probe.auc") == 1);
  CHECK(t.count("final.relearn.accuracy_batches") == 1);
  CHECK(t.count("merged.relearn.accuracy_batches") == 0);
  CHECK(t.count("final.lira.auc") == 0);  // no reference models
  // The same figure as in metrics.csv, computed by another path.
  const auto& last = p.result.report.final;
  CHECK(t.at("final.backdoor.success") == doctest::Approx(*last.attack_success_rate));

  auto off = on;
  off[0] = "evaluation.attacks=none";
  const auto without = play(small, off);
  CHECK(without.text == p.text);
  CHECK(without.result.summary.model_sha256 == p.result.summary.model_sha256);
  CHECK(without.result.summary.virtual_seconds == p.result.summary.virtual_seconds);
  CHECK(without.result.report.attacks.empty());
}

TEST_CASE("what attacks say does not depend on the lanes") {
  const std::vector<std::string> set{"evaluation.reference_models=1", "evaluation.reference_epochs=2"};
  auto one = set, four = set;
  one.push_back("compute.lanes=1");
  four.push_back("compute.lanes=4");
  const auto expected = text(play(small, one));
  CHECK(expected.find("rmia") != std::string::npos);
  CHECK(text(play(small, four)) == expected);
}

TEST_CASE("snapshots are kept where they are asked for, with or without attacks") {
  const auto p = play(small, {"evaluation.attacks=none", "output.snapshots=true", "stop.updates=60"});
  std::vector<std::string> names;
  for (const auto& [name, model] : p.result.report.snapshots) {
    names.push_back(name);
    CHECK(model);
  }
  CHECK(names == std::vector<std::string>{"before", "merged", "plus16", "final"});
  CHECK(p.result.report.snapshots.back().second == p.result.report.outcome.model);
  CHECK(play(small).result.report.snapshots.empty());
}

TEST_CASE("a run without an erasure, or of clocks only, is not attacked") {
  const auto timing = play(small, {"scenario.execute=timing"});
  CHECK(timing.result.report.failure == "");
  CHECK(timing.result.report.attacks.empty());
  std::string text = small;
  const auto at = text.find("[[erasure]]");
  text.erase(at, text.find("[stop]") - at);
  const auto nobody = play(text, {"data.backdoor.client=0"});
  CHECK(nobody.result.report.failure == "");
  CHECK(nobody.result.report.attacks.empty());
}

TEST_CASE("a class or a part of the samples can be attacked too") {
  for (const char* erasure : {"erasure[0]={scope=\"class\",class=1,at_update=18}",
                              "erasure[0]={client=0,scope=\"samples\",fraction=0.5,at_update=18}"}) {
    CAPTURE(erasure);
    const auto p = play(small, {erasure, "data.backdoor.trigger=none", "unlearning.method=not",
                                "evaluation.reference_models=1", "evaluation.reference_epochs=1"});
    CHECK(p.result.report.failure == "");
    const auto t = table(p);
    CHECK(t.count("final.loss.auc") == 1);
    CHECK(t.count("final.lira.auc") == 1);
    CHECK(t.count("final.backdoor.success") == 0);
  }
}
