// A run whose disk is full, or whose memory runs out, wherever that happens: it says what and why, loses no request, leaves nothing
// half written that looks whole, and the same command goes on.
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <stdexcept>
#include <vector>

#include "base/fault.hpp"
#include "cli/execute.hpp"
#include "config/loader.hpp"
#include "config/scenario.hpp"
#include "config/writer.hpp"
#include "device/devices.hpp"
#include "methods/registry.hpp"
#include "record/seal.hpp"
#include "support.hpp"

using namespace afu;
using namespace afu::test;

namespace {

const std::string no_space = "No space left on device", no_memory = "the host's memory ran out";

/// One lane, so that steps and jobs come in one order; every file that a run may write.
const std::vector<std::string> everything{"compute.lanes=1",
                                          "compute.lookahead=1",
                                          "partition.holdout_fraction=0.2",
                                          "data.backdoor={trigger=\"patch\",fraction=0.5,size=2}",
                                          "calibration.steps=2",
                                          "calibration.window_updates=2",
                                          "calibration.window_every=2",
                                          "calibration.samples_per_environment=2",
                                          "erasure=[{client=1,at_update=4},{client=2,at_update=6}]",
                                          "evaluation.attacks=[\"loss\",\"lira\",\"relearn_8\"]",
                                          "evaluation.reference_models=2",
                                          "output.snapshots=true",
                                          "output.audit=true",
                                          "output.audit_updates=[\"0/1\"]"};

std::vector<std::string> with(std::vector<std::string> set, std::vector<std::string> more) {
  set.insert(set.end(), more.begin(), more.end());
  return set;
}

struct Ended {
  std::optional<actors::RunResult> result;  ///< none: it threw
  std::string why;                          ///< what it threw, or how it failed; empty: it did not
};

bool mentions(const std::vector<std::string>& lines, const std::string& text) {
  for (const auto& line : lines)
    if (line.find(text) != std::string::npos) return true;
  return false;
}

/// As `afu run` does, in this process.
Ended run(const config::Scenario& scenario, const fs::path& path) {
  Ended e;
  try {
    auto unfinished = cli::find_unfinished(path, scenario);
    auto folder =
        unfinished ? record::RunFolder::examine_to_go_on(path) : record::RunFolder::examine(path, false);
    e.result = cli::execute(scenario, folder, {}, std::move(unfinished));
    e.why = e.result->report.failure;
  } catch (const std::exception& ex) {
    e.why = ex.what();
  }
  return e;
}

struct Runs : Folder {
  config::Scenario scenario;
  fs::path path_of_run = path / "run";
  Ended whole;

  explicit Runs(const std::vector<std::string>& set) {
    device::prepare_process();
    scenario = config::with_absolute_paths(
        config::parse_scenario(tiny, "tiny.toml", set, methods::method_sections()));
    whole = run(scenario, path / "whole");
    REQUIRE(whole.why == "");
    REQUIRE(whole.result->summary.ended == "completed");
    REQUIRE(whole.result->summary.erasures.size() == 2);
  }
  const std::string& model() const { return whole.result->summary.model_sha256; }

  /// Of a run that has ended, however.
  void check_folder(const Ended& e) const {
    std::error_code none;
    for (const auto& entry : fs::recursive_directory_iterator(path_of_run, none))
      CHECK(entry.path().extension() != ".part");
    const bool summary = fs::exists(path_of_run / "summary.json");
    if (e.result) {  // else the run had not begun, or its end could not be written
      REQUIRE(summary);
      REQUIRE(fs::exists(path_of_run / "files.json"));
      CHECK(record::damage(path_of_run) == "");
    } else {
      CHECK_FALSE(fs::exists(path_of_run / "files.json"));  // it is not taken for whole
    }
    if (!summary) return;
    const auto j = nlohmann::json::parse(content(path_of_run / "summary.json"));
    REQUIRE(j["erasures"].size() == 2);
    for (const auto& r : j["erasures"]) {
      CHECK((r["outcome"] == "merged") == !r["merged_at"].is_null());
      CHECK((r["reason"].is_null()) == (r["outcome"] == "merged" && !r["forgotten_at"].is_null()));
    }
    const auto ended = j["context"]["ended"].get<std::string>();
    if (e.result) CHECK(ended == (e.why.empty() ? "completed" : "failed: " + e.why));
  }
  /// The same command, once there is space and memory again.
  void check_goes_on() const {
    const auto e = run(scenario, path_of_run);
    CHECK(e.why == "");
    REQUIRE(e.result);
    CHECK(e.result->summary.ended == "completed");
    CHECK(e.result->summary.model_sha256 == model());
    for (const char* name :
         {"events.jsonl", "metrics.csv", "requests.csv", "calibrations.csv", "attacks.csv", "model.pt"})
      CHECK((content(path_of_run / name) == content(path / "whole" / name)));
    CHECK_FALSE(fs::exists(path_of_run / "checkpoint.afu"));
  }

  /// Writing fails at the n-th step; `from_there_on`: at all later ones too. False: there are not so many. `goes_on`: the
  /// same command is given again.
  bool check_write(std::uint64_t n, bool from_there_on, bool goes_on) const {
    CAPTURE(n);
    fs::remove_all(path_of_run);
    Ended e;
    std::uint64_t steps = 0;
    {
      const base::fault::Armed armed("write=" + std::to_string(n) + (from_there_on ? "+" : ""));
      e = run(scenario, path_of_run);
      steps = base::fault::writes();
      if (steps < n) return false;
    }
    INFO(e.why);
    check_folder(e);
    if (e.why.empty()) {  // no checkpoint, then; the last step closes its file, which is gone
      if (n < steps)
        CHECK(mentions(e.result->warnings, "no checkpoint could be written any more: cannot write '" +
                                               (path_of_run / "checkpoint.afu").string() + "': " + no_space));
      CHECK(e.result->summary.model_sha256 == model());
      return true;
    }
    CHECK(e.why.find("cannot write '" + path_of_run.string() + "/") != std::string::npos);
    CHECK(e.why.find("': " + no_space) != std::string::npos);
    if (goes_on) check_goes_on();
    return true;
  }

  /// Memory runs out in the n-th job, and (`for_good`) in every later one. False: there are not so many.
  bool check_memory(std::uint64_t n, bool for_good, std::set<std::string>& kinds) const {
    CAPTURE(n);
    fs::remove_all(path_of_run);
    Ended e;
    {
      const base::fault::Armed armed("memory=" + std::to_string(n) + (for_good ? "+" : ""));
      e = run(scenario, path_of_run);
      if (base::fault::jobs() < n) return false;
    }
    INFO(e.why);
    REQUIRE(e.result);
    check_folder(e);
    CHECK(mentions(e.result->notes, "memory ran out; the job is tried once more"));
    if (!for_good) {
      CHECK(e.why == "");
      CHECK(e.result->summary.model_sha256 == model());
      return true;
    }
    CHECK(mentions(e.result->notes, "memory ran out again"));
    // "client/1: train: the host's memory ran out"
    const auto end = e.why.find(": " + no_memory);
    REQUIRE(end != std::string::npos);
    const auto owner = e.why.substr(0, e.why.find(": "));
    CHECK((owner.find("client/") == 0 || owner == "server" || owner == "unlearner" || owner == "calibrator" ||
           owner == "evaluator"));
    kinds.insert(e.why.substr(owner.size() + 2, end - owner.size() - 2));
    check_goes_on();
    return true;
  }
};

}  // namespace

TEST_CASE(
    "a disk that is full at any one step of writing: the run says which file and why, and loses no request") {
  const Runs f(with(everything, {"evaluation.attacks=[\"none\"]", "evaluation.reference_models=0",
                                 "output.snapshots=false"}));
  std::uint64_t steps = 0;
  while (f.check_write(steps + 1, false, false)) ++steps;
  CHECK(steps > 60);
}

TEST_CASE(
    "a disk that was full at any one step, or from one on, and has space again: the same command goes on" *
    doctest::test_suite("slow")) {
  const Runs f(everything);
  for (const bool stays_full : {false, true})
    for (std::uint64_t n = 1; f.check_write(n, stays_full, true); ++n) continue;
}

TEST_CASE("so it is while checkpoints are being written" * doctest::test_suite("slow")) {
  const Runs f(with(everything, {"output.checkpoint_every=0.001", "output.audit=false",
                                 "output.audit_updates=[]", "stop.updates=60"}));
  for (std::uint64_t n = 1; f.check_write(n, false, true); ++n) continue;
}

TEST_CASE("memory that runs out once in any job costs a second try and no figure") {
  const Runs f(with(everything, {"evaluation.attacks=[\"loss\"]", "evaluation.reference_models=0",
                                 "output.audit=false", "output.audit_updates=[]"}));
  std::set<std::string> kinds;
  std::uint64_t jobs = 0;
  while (f.check_memory(jobs + 1, false, kinds)) ++jobs;
  CHECK(jobs > 30);
}

TEST_CASE("memory that runs out for good ends the run, whatever the job was, and the same command goes on" *
          doctest::test_suite("slow")) {
  const Runs f(everything);
  std::set<std::string> kinds;
  for (std::uint64_t n = 1; f.check_memory(n, true, kinds); ++n) continue;
  for (const char* kind : {"train", "combine", "evaluate", "attack", "reference_model", "calibrate"}) {
    CAPTURE(kind);
    CHECK(kinds.count(kind) == 1);
  }
}

TEST_CASE("a process with a fault has the exit status, the message and the summary of a run that failed") {
  const Folder f;
  const auto scenario = f.path / "tiny.toml";
  std::ofstream(scenario) << tiny;
  struct Case {
    const char *fault, *message;
    bool summary;
  };
  for (const auto& c :
       {Case{"write=1", "No space left on device", false}, Case{"write=1+", "No space left on device", false},
        Case{"memory=9+", "the host's memory ran out", true},
        Case{"actor=server:9", "the server ended unexpectedly: AFU_FAULT: message 9 of a server", true},
        Case{"actor=lane:4", "ended unexpectedly: AFU_FAULT: message 4 of a lane", true},
        Case{"actor=federation:1", "the federation ended unexpectedly: AFU_FAULT", true}}) {
    CAPTURE(c.fault);
    const auto folder = f.path / "run";
    fs::remove_all(folder);
    ::setenv("AFU_FAULT", c.fault, 1);
    const auto answer = afu_command(f, "run " + scenario.string() + " -q -o " + folder.string());
    ::unsetenv("AFU_FAULT");
    INFO(answer.err);
    CHECK(answer.status == 1);
    CHECK(answer.err.find(std::string("afu: warning: AFU_FAULT=") + c.fault) == 0);
    CHECK(answer.err.find(c.message) != std::string::npos);
    REQUIRE(fs::exists(folder / "summary.json") == c.summary);
    if (c.summary) {
      const auto j = nlohmann::json::parse(content(folder / "summary.json"));
      CHECK(j["erasures"].size() == 1);
      CHECK(j["erasures"][0]["outcome"] != nullptr);
      CHECK(j["context"]["ended"].get<std::string>().find(c.message) != std::string::npos);
    }
    CHECK(afu_command(f, "run " + scenario.string() + " -q -o " + folder.string()).status == 0);
  }
}
