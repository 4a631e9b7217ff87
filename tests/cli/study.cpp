/// Studies as a user meets them: resumed after a kill, with a failing cell, planned.
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "support.hpp"

using namespace afu::test;
namespace fs = std::filesystem;

namespace {

/// Tiny cells; `more` is TOML for the study file.
fs::path study_file(const Folder& f, const std::string& more = "") {
  std::ofstream(f.path / "base.toml") << tiny;
  const auto path = f.path / "tiny.toml";
  std::ofstream(path)
      << "[study]\nbase = \"base.toml\"\nseeds = [1, 2]\nmethods = [\"afu_ic\", \"retrain\"]\n"
      << more;
  return path;
}

/// What must be the same however a study came about: all but times and the host's memory.
std::string figures(const fs::path& summary) {
  auto j = nlohmann::json::parse(content(summary));
  j.erase("wall_seconds");
  j.erase("peak_rss_bytes");
  j["context"].erase("started");
  return j.dump();
}

const char* cells[] = {"cells/afu_ic/seed=1", "cells/afu_ic/seed=2", "cells/retrain/seed=1",
                       "cells/retrain/seed=2"};

}  // namespace

TEST_CASE("a study runs its cells, and again only what is missing") {
  const Folder f;
  const auto file = study_file(f);
  const auto out = f.path / "result";
  const auto first = afu_command(f, "study " + file.string() + " -o " + out.string());
  REQUIRE(first.status == 0);
  CHECK(first.out.find("4 run now") != std::string::npos);
  for (const auto* cell : cells) CHECK(fs::exists(out / cell / "summary.json"));
  const auto whole = figures(out / cells[3] / "summary.json");

  fs::remove(out / cells[3] / "summary.json");  // as a kill would have left it
  const auto second = afu_command(f, "study " + file.string() + " -o " + out.string());
  REQUIRE(second.status == 0);
  CHECK(second.out.find("1 run now, 3 complete before") != std::string::npos);
  CHECK(figures(out / cells[3] / "summary.json") == whole);

  // A cell is the run that `afu run` makes of its scenario.
  const auto run = f.path / "run";
  REQUIRE(afu_command(f, "run " + (out / cells[1] / "scenario.toml").string() + " -q -o " + run.string())
              .status == 0);
  for (const char* name : {"events.jsonl", "metrics.csv"})
    CHECK(content(run / name) == content(out / cells[1] / name));

  const auto other = study_file(f, "set = { stop.updates = 31 }\n");
  const auto refused = afu_command(f, "study " + other.string() + " -o " + out.string());
  CHECK(refused.status == 2);
  CHECK(refused.err.find("holds another study") != std::string::npos);
}

TEST_CASE("an arm that is added to a study is all that is run") {
  const Folder f;
  const auto out = f.path / "result";
  const auto arm = [](const char* method) {
    return std::string("[[arm]]\nname = \"more\"\nset = { unlearning.method = \"") + method + "\" }\n";
  };
  const auto study = [&](const std::string& more) {
    return afu_command(f, "study " + study_file(f, more).string() + " -o " + out.string());
  };
  REQUIRE(study("").status == 0);
  const auto more = study(arm("none"));
  REQUIRE(more.status == 0);
  CHECK(more.out.find("2 run now, 4 complete before") != std::string::npos);
  const auto changed = study(arm("subtract"));  // the same name, another arm
  CHECK(changed.status == 2);
  CHECK(changed.err.find("holds another study") != std::string::npos);
}

TEST_CASE("a study holds its models against those of several retrains") {
  const Folder f;
  const auto out = f.path / "result";
  const auto file = study_file(f,
                               "distances = [\"retrain\", \"retrain_b\"]\n"
                               "[[arm]]\nname = \"retrain_b\"\n"
                               "set = { unlearning.method = \"retrain\", unlearning.retrain.init_seed = 9 }\n"
                               "[[arm]]\nname = \"twin\"\nset = { unlearning.method = \"retrain\" }\n");
  REQUIRE(afu_command(f, "study " + file.string() + " -o " + out.string()).status == 0);
  std::map<std::string, std::string> rows;
  std::istringstream csv(content(out / "distances.csv"));
  for (std::string line; std::getline(csv, line);)
    rows[line.substr(0, line.rfind(','))] = line.substr(line.rfind(',') + 1);
  const auto value = [&](const std::string& row) {
    CAPTURE(row);
    REQUIRE(rows.count(row));
    return std::stod(rows[row]);
  };
  const std::string js = ",final,forget.js";
  CHECK(value("cells/afu_ic/seed=1" + js) > 0);
  CHECK(value("cells/afu_ic/seed=1,merged,forget.js") > 0);
  const double apart = value("cells/retrain/seed=1,references,forget.js");
  CHECK(apart > 0);  // the weights they began with differ
  CHECK(value("cells/retrain/seed=1" + js) == doctest::Approx(apart));
  // The twin is the first retrain: half of its mean distance is 0.
  CHECK(value("cells/twin/seed=1" + js) == doctest::Approx(apart / 2));
  CHECK(content(out / "report.md").find("among retrains") != std::string::npos);
}

TEST_CASE("a cell that fails is told and does not stop the others") {
  const Folder f;
  const auto file = study_file(f, R"(
[[arm]]
name = "hungry"
set = { unlearning.method = "federaser", unlearning.history_budget_mb = 0.000001 }
)");
  const auto out = f.path / "result";
  const auto answer = afu_command(f, "study " + file.string() + " -o " + out.string());
  CHECK(answer.status == 1);
  CHECK(answer.out.find("2 failed") != std::string::npos);
  CHECK(answer.err.find("history_budget_mb") != std::string::npos);
  CHECK(content(out / "cells/hungry/seed=1/failure.txt").find("history_budget_mb") != std::string::npos);
  for (const auto* cell : cells) CHECK(fs::exists(out / cell / "summary.json"));
}

TEST_CASE("a study that is killed goes on where it stopped, to the same figures") {
  const Folder f;
  const auto file = study_file(f, "set = { stop.updates = 300, \"data.train_samples\" = 400 }\n");
  const auto whole = f.path / "whole", killed = f.path / "killed";
  REQUIRE(afu_command(f, "study " + file.string() + " -q -o " + whole.string()).status == 0);
  const auto child = fork();
  if (child == 0) {
    execl(AFU_BINARY, AFU_BINARY, "study", file.c_str(), "-q", "-j", "1", "-o", killed.c_str(), nullptr);
    _exit(127);
  }
  for (int i = 0; i < 6000 && !fs::exists(killed / cells[0] / "summary.json"); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  REQUIRE(fs::exists(killed / cells[0] / "summary.json"));
  const auto rest = afu_command(f, "study " + file.string() + " -o " + killed.string());
  REQUIRE(rest.status == 0);
  CHECK(rest.out.find(" 0 complete before") == std::string::npos);
  for (const auto* cell : cells) {
    CAPTURE(cell);
    CHECK(figures(killed / cell / "summary.json") == figures(whole / cell / "summary.json"));
    for (const char* name : {"events.jsonl", "metrics.csv"})
      CHECK(content(killed / cell / name) == content(whole / cell / name));
  }
}

TEST_CASE("a plan is printed without running anything") {
  const Folder f;
  const auto file = study_file(f);
  const auto out = f.path / "result";
  const auto answer = afu_command(f, "study " + file.string() + " --plan -o " + out.string());
  REQUIRE(answer.status == 0);
  for (const auto* cell : cells) CHECK(answer.out.find(cell) != std::string::npos);
  CHECK(answer.out.find("4 cells in 2 groups") != std::string::npos);
  CHECK_FALSE(fs::exists(out));
}
