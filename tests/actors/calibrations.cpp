// Every arm of the calibrator through the real actors, and what is recorded of it.
#include <algorithm>
#include <sstream>

#include "record/calibration_log.hpp"
#include "support.hpp"

using namespace afu;
using namespace afu::test;

namespace {

/// A small convolutional network on 16x16 images; few steps, a window of two more calibrations. The target
/// and the server are fast, so that what the arms cost is over before the run is.
std::string tiny() {
  std::string text = small;
  const auto set = [&](const std::string& from, const std::string& to) {
    text.replace(text.find(from), from.size(), to);
  };
  set("image_size = 10", "image_size = 16");
  set("\"logreg\"", "\"cnn_small\"");
  set("window_updates = 6", "window_updates = 6\nwindow_every = 3\nsteps = 2\nwindow_steps = 1");
  set("[heterogeneity.network]",
      "server_slowdown = 0.01\noverride = [{ client = 0, slowdown = 0.3 }]\n[heterogeneity.network]");
  set("updates = 36", "updates = 60");
  return text;
}

/// calibrations.csv, a row a vector of cells, the header first; empty: it was never made.
struct Run {
  Played played;
  std::string csv;
  std::vector<std::vector<std::string>> rows;
};
Run calibrated(const std::vector<std::string>& set, const std::string& text = tiny()) {
  const auto file =
      std::filesystem::temp_directory_path() / ("afu-cal-" + std::to_string(::getpid()) + ".csv");
  actors::RunOptions options;
  options.files.calibrations = file.string();
  Run r;
  r.played = play(text, set, options);
  std::stringstream all;
  all << std::ifstream(file).rdbuf();
  std::filesystem::remove(file);
  r.csv = all.str();
  for (std::string line; std::getline(all, line);) {
    r.rows.emplace_back();
    std::stringstream cells(line + ",");
    for (std::string cell; std::getline(cells, cell, ',');) r.rows.back().push_back(cell);
  }
  return r;
}
std::string cell(const Run& r, std::size_t row, const std::string& column) {
  const auto& header = r.rows.at(0);
  const auto i = std::find(header.begin(), header.end(), column) - header.begin();
  return r.rows.at(row).at(static_cast<std::size_t>(i));
}
const record::ErasureRecord& erasure(const Run& r) { return r.played.result.summary.erasures.at(0); }

}  // namespace

TEST_CASE("every arm runs end to end, is deterministic, and is recorded") {
  const std::vector<std::vector<std::string>> arms{
      {"calibration.invariance=perturbation"},
      {"calibration.invariance=perturbation", "calibration.perturbation=oracle"},
      {"calibration.invariance=perturbation", "calibration.perturbation=adversarial",
       "calibration.research.adversarial_steps=3", "calibration.research.adversarial_every=2"},
      {"calibration.invariance=irm", "calibration.research.irm_estimator=halves"},
      {"calibration.invariance=vrex", "calibration.environments=interventional"},
      {"calibration.placebo=true"},
      {"calibration.research.stages=1"},
      {"calibration.batch_size=8"},
      {"calibration.batch_size=12", "calibration.invariance=irm", "calibration.research.irm_estimator=halves",
       "calibration.environments=interventional"},
      {"calibration.research.gate=true", "calibration.invariance=irm",
       "calibration.research.gate_samples=16"},
      {"calibration.research.gate=true", "calibration.invariance=perturbation",
       "calibration.perturbation=adversarial", "calibration.research.adversarial_steps=2"},
      {"unlearning.afu_ic.match_steps=4"},
      {"calibration.research.kd=1", "calibration.research.fisher=0.001",
       "calibration.research.fisher_samples=8"},
      {"calibration.research.guard_rank=1", "calibration.research.guard_restore=0.1",
       "calibration.research.guard_restore_every=2"},
      {"calibration.research.guard_rank=3"},
      {"calibration.optimiser=adam", "calibration.research.staleness_discount=true",
       "calibration.research.max_delta=0.001"},
      {"calibration.research.until_loss=true", "calibration.research.until_loss_steps=6",
       "unlearning.afu_ic.gain=2"},
      {"unlearning.afu_ic.gain_by=layer", "unlearning.afu_ic.gain_steps=2"},
      {"unlearning.afu_ic.ledger_decay=0.2"},
      {"unlearning.afu_ic.erasure=fedquit", "unlearning.afu_ic.erasure_rounds=2",
       "calibration.invariance=none"},
      {"unlearning.afu_ic.erasure=pga", "unlearning.afu_ic.erasure_rounds=2", "unlearning.pga.max_steps=2",
       "calibration.invariance=none"},
      {"unlearning.afu_ic.erasure=uce", "unlearning.afu_ic.erasure_rounds=2", "calibration.invariance=none"},
      {"unlearning.afu_ic.erasure=fedquit", "calibration.difference.candidates=1",
       "calibration.difference.labels=9", "calibration.difference.steps=4"},
      {"unlearning.afu_ic.erasure=fedquit", "calibration.difference.candidates=2",
       "calibration.difference.steps=4", "calibration.difference.sparsity=0"},
      {"calibration.research.sharpness=0.1"},
      {"calibration.invariance=perturbation", "calibration.perturbation=minimax",
       "calibration.research.minimax_steps=2", "calibration.research.minimax_radius=1"},
      {"calibration.invariance=features", "unlearning.afu_ic.erasure=fedquit",
       "unlearning.afu_ic.erasure_rounds=1", "calibration.research.feature_rank=2"},
      {"calibration.invariance=difference", "unlearning.afu_ic.erasure=fedquit",
       "unlearning.afu_ic.erasure_rounds=1", "calibration.difference.candidates=1",
       "calibration.difference.labels=9", "calibration.difference.steps=4",
       "calibration.difference.sparsity=0", "calibration.difference.guard=true"},
      {"calibration.invariance=difference", "unlearning.afu_ic.erasure=fedquit",
       "unlearning.afu_ic.erasure_rounds=1", "calibration.difference.candidates=1",
       "calibration.difference.labels=9", "calibration.difference.steps=4",
       "calibration.difference.sparsity=0", "calibration.difference.prune=0.2"},
  };
  std::vector<std::string> models{calibrated({}).played.result.summary.model_sha256};
  for (const auto& arm : arms) {
    CAPTURE(arm.front());
    const auto once = calibrated(arm), twice = calibrated(arm);
    REQUIRE(once.played.result.report.failure == "");
    const auto& hash = once.played.result.summary.model_sha256;
    CHECK(hash == twice.played.result.summary.model_sha256);
    CHECK(once.csv == twice.csv);
    CHECK(std::find(models.begin(), models.end(), hash) == models.end());
    models.push_back(hash);
    CHECK(once.rows.size() >= 4);  // the header, one right after the merge, two in the window
    CHECK(erasure(once).calibrations.count == once.rows.size() - 1);
    CHECK(*erasure(once).downtime_seconds == 0);
  }
}

TEST_CASE("what max_delta shortens is counted and told") {
  const auto none = calibrated({}).played.result;
  CHECK(none.summary.shortened.updates == 0);
  CHECK(none.summary.shortened.calibrations == 0);
  const auto told = [](const auto& result) {
    std::vector<std::string> notes;
    for (const auto& n : result.notes)
      if (n.find("max_delta") != std::string::npos) notes.push_back(n);
    return notes;
  };
  CHECK(told(none).empty());
  const auto r = calibrated({"training.max_delta=1e-3", "calibration.research.max_delta=1e-4"}).played.result;
  const auto& s = r.summary;
  CHECK(s.updates > 0);
  CHECK(s.shortened.updates == s.updates);
  CHECK(s.shortened.calibrations == s.erasures.at(0).calibrations.count);
  const auto notes = told(r);
  REQUIRE(notes.size() == 2);
  CHECK(notes[0] == std::to_string(s.updates) + " of " + std::to_string(s.updates) +
                        " accepted updates were scaled down to training.max_delta = 0.001");
  CHECK(notes[1].find(" calibrations were scaled down to calibration.research.max_delta = 0.0001") !=
        std::string::npos);
}

TEST_CASE("every arm runs under every training rule, and without vectors") {
  for (const char* rule : {"fedavg", "fedasync", "fedbuff"})
    for (const char* arm :
         {"calibration.research.guard_rank=3", "calibration.research.stages=1",
          "calibration.research.until_loss=true", "unlearning.afu_ic.erasure=fedquit",
          "unlearning.afu_ic.erasure=pga", "calibration.batch_size=8", "unlearning.afu_ic.match_steps=2"}) {
      CAPTURE(rule);
      CAPTURE(arm);
      std::vector<std::string> set{arm, std::string("training.rule=") + rule, "unlearning.pga.max_steps=2"};
      if (std::string(arm).find("erasure=") != std::string::npos)
        set.push_back("calibration.difference.steps=4");
      CHECK(calibrated(set).played.result.report.failure == "");
      set.push_back("scenario.execute=timing");
      const auto timing = calibrated(set);
      CHECK(timing.played.result.report.failure == "");
      CHECK(cell(timing, 1, "loss_before") == "");
      CHECK(erasure(timing).forgotten_at.has_value());
    }
}

TEST_CASE("calibrations.csv tells number, versions, staleness, updates in between, cost and drift") {
  const auto r = calibrated({"calibration.invariance=vrex"});
  REQUIRE(r.rows.size() >= 4);
  CHECK(r.csv.rfind(record::calibrations_header, 0) == 0);
  for (std::size_t i = 1; i < r.rows.size(); ++i) {
    CHECK(r.rows[i].size() == r.rows[0].size());
    CHECK(cell(r, i, "number") == std::to_string(i));
    CHECK(cell(r, i, "client") == "0");
    CHECK(std::stoi(cell(r, i, "merged_version")) ==
          std::stoi(cell(r, i, "base_version")) + std::stoi(cell(r, i, "staleness")) + 1);
    CHECK(cell(r, i, "steps") == (i == 1 ? "2" : "1"));
    CHECK(std::stod(cell(r, i, "ended")) >= std::stod(cell(r, i, "began")));
    CHECK(std::stod(cell(r, i, "delta_norm")) > 0);
    CHECK(std::abs(std::stod(cell(r, i, "cosine"))) <= 1);
    for (const char* figure : {"loss_before", "loss_after", "kl_before", "kl_after", "penalty_before"})
      CHECK(cell(r, i, figure) != "");
  }
  CHECK(cell(r, 1, "updates_since") == "0");
  CHECK(std::stoi(cell(r, 3, "updates_since")) >= 3);   // window_every
  CHECK(std::stod(cell(r, 1, "passes")) == 5 * 4 * 2);  // environments, images, steps
  const auto& totals = erasure(r).calibrations;
  CHECK(totals.steps == 2 + static_cast<std::int64_t>(totals.count) - 1);
  CHECK(totals.passes == 20.0 * static_cast<double>(totals.steps));
  // A method that does not calibrate leaves no such file.
  CHECK(calibrated({"unlearning.method=subtract"}).csv == "");
}

TEST_CASE("a calibration that spans other merges is stale, and can be discounted for it") {
  const std::vector<std::string> slow{"heterogeneity.compute.server_slowdown=3"};
  const auto full = calibrated(slow);
  CHECK(std::stoi(cell(full, 1, "staleness")) > 0);
  CHECK(cell(full, 1, "weight") == "1");
  auto set = slow;
  set.push_back("calibration.research.staleness_discount=true");
  const auto discounted = calibrated(set);
  CHECK(std::stod(cell(discounted, 1, "weight")) ==
        doctest::Approx(1 / std::sqrt(1 + std::stod(cell(discounted, 1, "staleness")))));
  CHECK(full.played.result.summary.model_sha256 != discounted.played.result.summary.model_sha256);
}

TEST_CASE("blocking afu_ic halts everybody until it is calibrated, concurrent halts nobody") {
  const auto concurrent = calibrated({});
  CHECK(*erasure(concurrent).downtime_seconds == 0);
  CHECK(decisions(concurrent.played, "halted").empty());
  const auto blocking = calibrated({"unlearning.coordination=blocking", "unlearning.afu_ic.publish=at_once"});
  REQUIRE(blocking.played.result.report.failure == "");
  const auto halted = decisions(blocking.played, "halted"), resumed = decisions(blocking.played, "resumed");
  REQUIRE(halted.size() == 1);
  REQUIRE(resumed.size() == 1);
  CHECK(*erasure(blocking).downtime_seconds > 0);
  const double from = halted[0]["t"], to = resumed[0]["t"];
  const auto calibrations = decisions(blocking.played, "calibration_merged");
  REQUIRE(calibrations.size() >= 2);
  CHECK(calibrations[0]["t"].get<double>() <= to);  // inside the halt; the window's after it
  CHECK(calibrations[1]["t"].get<double>() > to);
  CHECK(cell(blocking, 1, "staleness") == "0");
  for (const auto& e : blocking.played.log)
    if (e.contains("event") && e["event"] == "train_task") {
      const double sent = e["sent"];
      CHECK((sent <= from || sent >= to));
    }
}

TEST_CASE("a guard keeps updates from pointing back; without one its cosines can be measured at no effect") {
  const auto plain = calibrated({});
  CHECK(!erasure(plain).guard);
  const auto measured = calibrated({"calibration.research.guard_measure=true"});
  REQUIRE(erasure(measured).guard);
  CHECK(erasure(measured).guard->updates >= 6);  // those of the window
  CHECK(erasure(measured).guard->cosine_square_sum > 0);
  CHECK(erasure(measured).guard->removed_sum == 0);
  CHECK(measured.played.result.summary.model_sha256 == plain.played.result.summary.model_sha256);
  const auto guarded = calibrated({"calibration.research.guard_rank=1"});
  REQUIRE(erasure(guarded).guard);
  CHECK(erasure(guarded).guard->removed_sum > 0);
  const auto sketched = calibrated({"calibration.research.guard_rank=3"});
  CHECK(erasure(sketched).client_passes == (3 + 8) * 32);
  CHECK(erasure(plain).client_passes == 0);
}

TEST_CASE("minibatches cost what they take") {
  const auto r = calibrated({"calibration.batch_size=8"});
  const auto& totals = erasure(r).calibrations;
  CHECK(std::stod(cell(r, 1, "passes")) == 8 * 2);  // of 20 images
  CHECK(totals.passes == 8.0 * static_cast<double>(totals.steps));
}

TEST_CASE("the gate looks at every merge of the window, halts nobody, and is counted") {
  CHECK(!erasure(calibrated({"calibration.invariance=irm"})).gate);
  const std::vector<std::string> set{"calibration.research.gate=true", "calibration.invariance=vrex"};
  const auto gated = calibrated(set);
  REQUIRE(erasure(gated).gate);
  const auto& g = *erasure(gated).gate;
  CHECK(g.probed >= 6);
  CHECK(g.samples >= static_cast<std::int64_t>(g.probed) * 2 * 2 * 20);
  CHECK(g.scaled > 0);
  CHECK(g.scale_sum < static_cast<double>(g.probed));
  CHECK(decisions(gated.played, "gated").size() == g.scaled);
  CHECK(*erasure(gated).downtime_seconds == 0);
  for (const auto& d : decisions(gated.played, "gated")) CHECK(d["weight"].get<double>() < 0);
  // Where anything may pass it only costs.
  auto loose = set;
  loose.push_back("calibration.research.gate_epsilon=1e6");
  const auto open = calibrated(loose);
  CHECK(erasure(open).gate->scaled == 0);
  CHECK(open.played.result.summary.model_sha256 ==
        calibrated({"calibration.invariance=vrex"}).played.result.summary.model_sha256);
  CHECK(erasure(open).server_passes > erasure(calibrated({"calibration.invariance=vrex"})).server_passes);
}

TEST_CASE("the sunset ends the window early, and calibrations.csv tells why") {
  const std::vector<std::string> set{"calibration.invariance=vrex", "calibration.window_updates=30",
                                     "calibration.research.sunset_jobs=2"};
  auto easy = set, hard = set;
  easy.push_back("calibration.research.sunset_factor=1e9");
  hard.push_back("calibration.research.sunset_factor=1e-9");
  const auto early = calibrated(easy), late = calibrated(hard);
  CHECK(early.rows.size() == 1 + 1 + 2);  // the header, the one after the merge, two at their reference
  CHECK(late.rows.size() > early.rows.size());
  CHECK(std::stod(cell(early, 1, "penalty_reference")) > 0);
  CHECK(cell(calibrated({"calibration.invariance=vrex"}), 1, "penalty_reference") == "");
}

TEST_CASE("held-out matching is the target's work, merged before the model counts as forgotten") {
  const auto plain = calibrated({}), matched = calibrated({"unlearning.afu_ic.match_steps=4"});
  const auto merges = decisions(matched.played, "erasure_merged");
  REQUIRE(merges.size() == 2);
  CHECK(merges[1]["t"].get<double>() <= *erasure(matched).forgotten_at);
  CHECK(decisions(plain.played, "erasure_merged").size() == 1);
  CHECK(*erasure(matched).downtime_seconds == 0);
  CHECK(erasure(plain).client_passes == 0);
  CHECK(erasure(matched).client_passes > 4 * 10);
  CHECK(*erasure(matched).forgotten_at > *erasure(plain).forgotten_at);
  CHECK(calibrated({"unlearning.afu_ic.match_steps=0"}).played.text == plain.played.text);
}

TEST_CASE("calibrating until the loss is back stops there, or at the cap") {
  // Steps that long lead away from it.
  const auto r = calibrated({"calibration.research.until_loss=true",
                             "calibration.research.until_loss_steps=10", "calibration.lr=1"});
  const auto& totals = erasure(r).calibrations;
  CHECK(totals.count > 3);
  CHECK(std::stod(cell(r, 1, "risk_after")) > std::stod(cell(r, 1, "risk_before")));
  // A cap that is one job: as without.
  const auto one =
      calibrated({"calibration.research.until_loss=true", "calibration.research.until_loss_steps=2"});
  CHECK(one.played.result.summary.model_sha256 == calibrated({}).played.result.summary.model_sha256);
}

TEST_CASE("what the models before and after an erasure told is recorded, with what it cost") {
  const std::vector<std::string> set{
      "calibration.invariance=difference", "unlearning.afu_ic.erasure=fedquit",
      "unlearning.afu_ic.publish=at_once", "calibration.difference.candidates=1",
      "calibration.difference.labels=9",   "calibration.difference.steps=20"};
  const auto d = erasure(calibrated(set)).difference;
  REQUIRE(d);
  CHECK(*d->labels >= 1);
  CHECK(*d->searched == 2 * *d->labels);
  CHECK(*d->found <= *d->searched);
  CHECK(*d->drop > 0);
  CHECK(d->passes > 0);
  CHECK(d->samples > 0);
  CHECK(!erasure(calibrated({})).difference);

  auto guarded = set;
  guarded.insert(guarded.end(), {"calibration.difference.guard=true", "calibration.difference.prune=0.2"});
  const auto g = erasure(calibrated(guarded));
  REQUIRE(g.difference);
  REQUIRE(*g.difference->found > 0);
  CHECK(*g.difference->pruned > 0);
  CHECK(g.difference->passes > d->passes);
  REQUIRE(g.guard);
  CHECK(g.guard->updates > 0);
  CHECK(g.guard->projected > 0);
  CHECK(g.guard->projected <= g.guard->updates);
  CHECK(!d->pruned);

  const auto features =
      erasure(calibrated({"calibration.invariance=features", "unlearning.afu_ic.erasure=fedquit",
                          "unlearning.afu_ic.erasure_rounds=1"}))
          .features;
  REQUIRE(features);
  CHECK(*features->directions == 4);
  CHECK(*features->share > 0.5);
  CHECK(*features->share <= 1.0001);
  CHECK(features->samples > 0);

  auto timing = set;
  timing.insert(timing.end(), {"scenario.execute=timing"});
  const auto modelled = erasure(calibrated(timing)).difference;
  REQUIRE(modelled);
  CHECK(modelled->passes == d->passes);
  CHECK(!modelled->label);
}
