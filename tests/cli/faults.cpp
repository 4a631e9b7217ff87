/// A disk that is full, or a process that is killed, at every step of writing in turn: of a run and of a study. What is said names the
/// file and the reason, no request is lost, and the same command goes on to the same files.
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/fault.hpp"
#include "cli/execute.hpp"
#include "cli/resume.hpp"
#include "config/loader.hpp"
#include "config/scenario.hpp"
#include "config/writer.hpp"
#include "device/devices.hpp"
#include "methods/registry.hpp"
#include "support.hpp"

using namespace afu;
using namespace afu::test;
namespace fs = std::filesystem;
namespace fault = afu::base::fault;

namespace {

const char* full = "No space left on device";

/// Every kind of file that a run writes.
const std::vector<std::string> everything{"output.snapshots=true",
                                          "output.audit=true",
                                          "output.audit_updates=[\"1/1\"]",
                                          "output.checkpoint_every=0.02",
                                          "compute.lanes=1",
                                          "erasure=[{client=1,at_update=5},{client=2,at_update=7}]"};

config::Scenario scenario() {
  device::prepare_process();
  return config::parse_scenario(tiny, "tiny.toml", everything, methods::method_sections());
}

/// As `afu run` does it with the same command again.
actors::RunResult run(const fs::path& root, const config::Scenario& s) {
  auto unfinished = cli::find_unfinished(root, s);
  auto folder =
      unfinished ? record::RunFolder::examine_to_go_on(root) : record::RunFolder::examine(root, false);
  return cli::execute(s, folder, {}, std::move(unfinished));
}

/// What must be the same, however often the run failed.
std::map<std::string, std::string> files_of(const fs::path& root) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const auto name = entry.path().lexically_relative(root).string();
    if (!entry.is_regular_file() || name == "trace.json" || name == "files.json") continue;
    files[name] = content(entry.path());
    if (entry.path().filename() != "summary.json") continue;
    auto j = nlohmann::json::parse(files[name]);
    j.erase("wall_seconds"), j.erase("peak_rss_bytes");
    j["context"].erase("started"), j["context"].erase("resumed");
    // Of a run that ended well without its checkpoints.
    auto& warnings = j["context"]["warnings"];
    for (auto w = warnings.begin(); w != warnings.end();)
      w = w->get<std::string>().find("no checkpoint could be written") != std::string::npos
              ? warnings.erase(w)
              : w + 1;
    files[name] = j.dump();
  }
  return files;
}

void check_same(const fs::path& a, const std::map<std::string, std::string>& whole) {
  const auto files = files_of(a);
  for (const auto& [name, text] : whole) {
    CAPTURE(name);
    REQUIRE(files.count(name) == 1);
    CHECK((files.at(name) == text));
  }
  CHECK(files.size() == whole.size());
}

/// Files are complete or absent, logs end with whole lines but for a block that the disk took a part of.
void check_left(const fs::path& root) {
  if (!fs::exists(root)) return;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    CAPTURE(entry.path());
    CHECK(entry.path().extension() != ".part");
    if (entry.path().filename() == "summary.json") {
      const auto j = nlohmann::json::parse(content(entry.path()));
      CHECK(j["erasures"].size() == 2);
      for (const auto& e : j["erasures"]) CHECK((e["outcome"] == "merged" || e["outcome"] == "unserved"));
    }
  }
}

bool names_file_and_reason(const std::string& text, const fs::path& root) {
  return text.find("cannot write '" + root.string() + "/") != text.npos && text.find(full) != text.npos;
}

/// Runs with the fault, and again without it. How many steps of writing there were; 0: the fault did not come.
std::uint64_t fail_and_go_on(const fs::path& root, const std::string& what, const config::Scenario& s,
                             const std::map<std::string, std::string>& whole, std::set<std::string>& named) {
  CAPTURE(what);
  fs::remove_all(root);
  std::uint64_t writes = 0;
  bool complete = false;
  {
    const fault::Armed armed(what);
    std::string said;
    try {
      const auto result = run(root, s);
      said = result.report.failure;
      complete = result.summary.ended == "completed";
      CHECK(complete == said.empty());
      CHECK(result.summary.erasures.size() == 2);
      if (complete)
        for (const auto& w : result.warnings) said += w;
      for (const auto& n : result.notes) said += n;
    } catch (const std::runtime_error& e) {
      said = e.what();
    }
    writes = fault::writes();
    INFO(said);
    if (said.find(full) != said.npos) {
      CHECK(names_file_and_reason(said, root));
      const auto begin = said.find("cannot write '") + 14;
      named.insert(fs::path(said.substr(begin, said.find('\'', begin) - begin)).filename().string());
    } else {
      CHECK(complete);
    }
  }
  check_left(root);
  if (!complete) {
    const auto again = run(root, s);
    CHECK(again.report.failure == "");
  }
  check_same(root, whole);
  return writes;
}

/// The exit status of the program with a fault; -n: ended by signal n.
int with_fault(const Folder& f, const std::string& fault, const std::string& arguments) {
  const auto command = "AFU_FAULT=" + fault + " " + AFU_BINARY + " " + arguments + " > " +
                       (f.path / "out").string() + " 2> " + (f.path / "err").string();
  const int status = std::system(("exec bash -c '" + command + "'").c_str());
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return code > 128 ? 128 - code : code;
}

}  // namespace

TEST_CASE(
    "a run whose disk is full at any step of writing says which file and why, and goes on to the same files") {
  const Folder f;
  const auto s = scenario();
  const auto root = f.path / "run";
  CHECK(run(f.path / "whole", s).report.failure == "");
  const auto whole = files_of(f.path / "whole");
  std::set<std::string> named;
  std::uint64_t n = 1;
  for (; fail_and_go_on(root, "write=" + std::to_string(n), s, whole, named) >= n; n += 1) {
  }
  CHECK(n > 40);
  const std::set<std::string> must{"scenario.toml", "events.jsonl",     "metrics.csv", "requests.csv",
                                   "attacks.csv",   "trace.json",       "model.pt",    "summary.json",
                                   "files.json",    "calibrations.csv", "jobs.jsonl",  "final.npz",
                                   "updates.npz",   "checkpoint.afu"};
  for (const auto& name : must) {
    CAPTURE(name);
    CHECK(named.count(name) == 1);
  }
}

TEST_CASE("so it does where the disk stays full") {
  const Folder f;
  const auto s = scenario();
  CHECK(run(f.path / "whole", s).report.failure == "");
  const auto whole = files_of(f.path / "whole");
  std::set<std::string> named;
  for (std::uint64_t n = 1; fail_and_go_on(f.path / "run", fmt::format("write={}+", n), s, whole, named) >= n;
       n += 7) {
  }
  CHECK(named.size() > 3);
}

TEST_CASE("a run that is killed in any step of writing goes on to the same files" *
          doctest::test_suite("slow")) {
  const Folder f;
  std::ofstream(f.path / "tiny.toml") << tiny;
  std::string command =
      "run " + (f.path / "tiny.toml").string() + " -q --set output.checkpoint_every=0.001 -o ";
  REQUIRE(afu_command(f, command + (f.path / "whole").string()).status == 0);
  const auto whole = files_of(f.path / "whole");
  const auto root = f.path / "run";
  int n = 1;
  for (;; ++n) {
    CAPTURE(n);
    fs::remove_all(root);
    const int status = with_fault(f, "kill=" + std::to_string(n), command + root.string());
    if (status == 0) break;
    REQUIRE(status == -SIGKILL);
    const auto again = afu_command(f, command + root.string());
    // Killed behind the last step, the run is over.
    const bool over = again.status == 2 && again.err.find("already holds a run") != std::string::npos;
    CHECK((again.status == 0 || over));
    check_same(root, whole);
  }
  CHECK(n > 30);
}

TEST_CASE("a study whose disk is full at any step says which file and why, and goes on to the same files" *
          doctest::test_suite("slow")) {
  const Folder f;
  std::ofstream(f.path / "tiny.toml") << tiny;
  std::ofstream(f.path / "study.toml") << "[study]\nname = \"s\"\nbase = \"tiny.toml\"\nseeds = [1]\n"
                                          "methods = [\"afu_ic\", \"retrain\"]\n";
  const auto command = "study " + (f.path / "study.toml").string() + " -j 1 -q -o ";
  REQUIRE(afu_command(f, command + (f.path / "whole").string()).status == 0);
  const auto cells = files_of(f.path / "whole/cells");
  const auto root = f.path / "result";
  int n = 1;
  for (;; n += 3) {
    CAPTURE(n);
    fs::remove_all(root);
    const int status = with_fault(f, "write=" + std::to_string(n), command + root.string());
    const auto said = content(f.path / "err");
    INFO(said);
    if (said.find(full) == std::string::npos) {
      CHECK(status == 0);
      break;
    }
    CHECK((status == 0 || status == 1));
    CHECK(names_file_and_reason(said, root));
    CHECK(afu_command(f, command + root.string()).status == 0);
    check_same(root / "cells", cells);
  }
  CHECK(n > 60);
}
