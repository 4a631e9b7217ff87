/// Studies as a user meets them: resumed after a kill, with a failing cell, planned.
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
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

  for (const char* last : {"summary.json", "files.json"})  // as a kill would have left it
    fs::remove(out / cells[3] / last);
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

  // The plan of a study whose cells changed says what the study itself says.
  const auto other = study_file(f, "set = { stop.updates = 31 }\n");
  for (const char* flag : {"", " --plan"}) {
    const auto refused = afu_command(f, "study " + other.string() + flag + " -o " + out.string());
    CHECK(refused.status == 2);
    CHECK(refused.err.find("4 finished cells in '" + out.string() + "' ran from another scenario") !=
          std::string::npos);
    CHECK(refused.err.find("cells/afu_ic/seed=1, cells/retrain/seed=1, cells/afu_ic/seed=2, "
                           "cells/retrain/seed=2: stop.updates was 12, is 31") != std::string::npos);
    CHECK(refused.err.find("--rerun-changed") != std::string::npos);
  }
}

TEST_CASE("a study whose base changed is not gone on with, unless the cells are to be run anew") {
  const Folder f;
  const auto file = study_file(f);
  const auto out = f.path / "result";
  const auto command = "study " + file.string() + " -o " + out.string();
  REQUIRE(afu_command(f, command).status == 0);
  std::ofstream(f.path / "base.toml", std::ios::app) << "[training]\nlr = 0.2\n";
  const auto refused = afu_command(f, command + " -q");
  CHECK(refused.status == 2);
  CHECK(refused.err.find("training.lr was ") != std::string::npos);
  CHECK(content(out / cells[0] / "scenario.toml").find("\nlr = 0.2\n") == std::string::npos);

  const auto anew = afu_command(f, command + " --rerun-changed");
  REQUIRE(anew.status == 0);
  CHECK(anew.out.find("4 run now, 0 complete before") != std::string::npos);
  for (const auto* cell : cells)
    CHECK(content(out / cell / "scenario.toml").find("\nlr = 0.2\n") != std::string::npos);
  CHECK(afu_command(f, command).out.find("0 run now, 4 complete before") != std::string::npos);
}

TEST_CASE("a data file that changed under its name is a change of the cells that read it") {
  const Folder f;
  const auto trace = f.path / "slow.csv";
  std::ofstream(trace) << "1.0\n2.0\n";
  const auto file =
      study_file(f, "set = { heterogeneity.compute.slowdown = { distribution = \"trace\", path = \"" +
                        trace.string() + "\" } }\n");
  const auto command = "study " + file.string() + " -o " + (f.path / "result").string();
  const auto first = afu_command(f, command);
  REQUIRE_MESSAGE(first.status == 0, first.err);
  fs::last_write_time(trace, fs::file_time_type::clock::now());  // touched: the same content
  CHECK(afu_command(f, command).out.find("0 run now, 4 complete before") != std::string::npos);
  std::ofstream(trace) << "1.0\n3.0\n";
  const auto refused = afu_command(f, command);
  CHECK(refused.status == 2);
  CHECK(refused.err.find("heterogeneity.compute.slowdown: the content of '" + trace.string() +
                         "' is another") != std::string::npos);
}

TEST_CASE("a damaged cell is named and run anew, to the same figures") {
  const Folder f;
  const auto file = study_file(f);
  const auto out = f.path / "result";
  const auto command = "study " + file.string() + " -q -o " + out.string();
  REQUIRE(afu_command(f, command).status == 0);
  const auto whole = figures(out / cells[0] / "summary.json"), log = content(out / cells[0] / "events.jsonl");
  const auto damage = [&](const std::string& file_name, const char* text) {
    const auto path = out / cells[0] / file_name;
    if (text)
      std::ofstream(path) << text;
    else
      fs::remove(path);
  };
  const std::pair<const char*, const char*> damages[] = {
      {"metrics.csv", nullptr}, {"events.jsonl", nullptr},
      {"model.pt", ""},         {"summary.json", "{\"context\": [1]}"},
      {"summary.json", ""},     {"files.json", "{"}};
  for (const auto& [name, text] : damages) {
    CAPTURE(name);
    damage(name, text);
    const auto answer = afu_command(f, command);
    CHECK(answer.status == 0);
    CHECK(answer.err.find(std::string(cells[0]) + " is damaged and is run anew: ") != std::string::npos);
    CHECK(answer.err.find(name) != std::string::npos);
    CHECK(figures(out / cells[0] / "summary.json") == whole);
    CHECK(content(out / cells[0] / "events.jsonl") == log);
  }
  // A manifest that a power cut left empty does not block the study.
  std::ofstream(out / "study.json") << "";
  const auto answer = afu_command(f, "study " + file.string() + " -o " + out.string());
  CHECK(answer.status == 0);
  CHECK(answer.err.find("study.json' is damaged and written anew") != std::string::npos);
  CHECK(nlohmann::json::parse(content(out / "study.json"))["cells"].size() == 4);
}

TEST_CASE("of two studies on one folder, and of a run on a cell that is being written, one is refused") {
  const Folder f;
  const auto file = study_file(f, "set = { stop.updates = 3000 }\n");
  const auto out = f.path / "result";
  const auto child = fork();
  if (child == 0) {
    execl(AFU_BINARY, AFU_BINARY, "study", file.c_str(), "-q", "-j", "1", "-o", out.c_str(), nullptr);
    _exit(127);
  }
  for (int i = 0; i < 6000 && !fs::exists(out / cells[0] / "events.jsonl"); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  kill(child, SIGSTOP);  // it keeps its locks
  const auto by = "is being written by process " + std::to_string(child) + " on ";
  for (const char* flag : {"", " --force", " --rerun-changed"}) {
    const auto second = afu_command(f, "study " + file.string() + flag + " -o " + out.string());
    CHECK(second.status == 2);
    CHECK(second.err.find(by) != std::string::npos);
  }
  const auto run =
      afu_command(f, "run " + (f.path / "base.toml").string() + " --force -o " + (out / cells[0]).string());
  CHECK(run.status == 2);
  CHECK(run.err.find(by) != std::string::npos);
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  REQUIRE(WIFSIGNALED(status));  // it was still at work
  CHECK(fs::exists(out / "afu.lock"));
  const auto quick = study_file(f);
  CHECK(afu_command(f, "study " + quick.string() + " -q -o " + out.string()).status == 0);
  CHECK_FALSE(fs::exists(out / "afu.lock"));
}

TEST_CASE("a study without a retrain arm runs to its report, and says which claims it cannot judge") {
  const Folder f;
  std::ofstream(f.path / "base.toml") << tiny;
  for (const char* methods : {"\"afu_ic\", \"none\"", "\"afu_ic\""}) {
    const auto file = f.path / "tiny.toml", out = f.path / "result";
    std::ofstream(file) << "[study]\nbase = \"base.toml\"\nseeds = [1, 2, 3]\nmethods = [" << methods
                        << "]\n";
    const auto answer = afu_command(f, "study " + file.string() + " -o " + out.string());
    CHECK(answer.status == 0);
    CHECK(answer.err.find("note: the claim equivalence is not judged: no arm retrains") != std::string::npos);
    CHECK(fs::exists(out / "report.html"));
    const auto asked = f.path / "asked.toml";
    std::ofstream(asked) << content(file) << "claims = [\"equivalence\"]\n";
    for (const char* flag : {"", " --plan"}) {
      const auto refused = afu_command(f, "study " + asked.string() + flag + " -o " + out.string());
      CHECK(refused.status == 2);
      CHECK(refused.err.find("asked.toml:5:11: study.claims: \"equivalence\" cannot be judged") !=
            std::string::npos);
    }
  }
}

TEST_CASE(
    "a piped study says what it does before and after its cells, without colours; with -q no more than warnings") {
  const Folder f;
  const auto file = study_file(f);
  const auto out = (f.path / "result").string();
  const auto answer = afu_command(f, "study " + file.string() + " -o " + out);
  CHECK(answer.err.find("tiny: 4 cells in 2 groups, 0 complete before") != std::string::npos);
  CHECK(answer.err.find("1 / 4 cells") < answer.err.find("4 / 4 cells"));
  CHECK(answer.err.find("4 / 4 cells, 0:0") != std::string::npos);
  CHECK(answer.err.find('\x1b') == std::string::npos);
  const auto quiet = afu_command(f, "study " + file.string() + " --force -q -o " + out);
  CHECK(quiet.status == 0);
  CHECK(quiet.out == "");
  CHECK(std::count(quiet.err.begin(), quiet.err.end(), '\n') == 1);
  CHECK(quiet.err.find(" warning claims need at least 3 seeds") != std::string::npos);
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
  CHECK(changed.err.find("cells/more/seed=1, cells/more/seed=2: unlearning.method was \"none\", is "
                         "\"subtract\"") != std::string::npos);
  const auto fewer = study("");  // what is left behind is told
  CHECK(fewer.status == 0);
  CHECK(fewer.err.find("note: 2 finished cells are in '" + out.string() +
                       "' of arms, axes or seeds that the study no longer has: cells/more/seed=1") !=
        std::string::npos);
}

TEST_CASE("the folder of another study is refused") {
  const Folder f;
  const auto out = f.path / "result";
  REQUIRE(afu_command(f, "study " + study_file(f).string() + " -q -o " + out.string()).status == 0);
  const auto named =
      afu_command(f, "study " + study_file(f, "name = \"other\"\n").string() + " -o " + out.string());
  CHECK(named.status == 2);
  CHECK(named.err.find("holds another study (study.name was tiny, is other)") != std::string::npos);
  std::ofstream(out / "study.json") << "{\"of\": \"another program\"}";
  const auto foreign = afu_command(f, "study " + study_file(f).string() + " -o " + out.string());
  CHECK(foreign.status == 2);
  CHECK(foreign.err.find("is no study's manifest") != std::string::npos);
}

TEST_CASE("the folder of a run is no place for a study") {
  const Folder f;
  const auto out = f.path / "run";
  const auto file = study_file(f);
  REQUIRE(afu_command(f, "run " + (f.path / "base.toml").string() + " -q -o " + out.string()).status == 0);
  const auto refused = afu_command(f, "study " + file.string() + " -o " + out.string());
  CHECK(refused.status == 2);
  CHECK(refused.err.find("holds a run (scenario.toml): choose another folder") != std::string::npos);
  CHECK_FALSE(fs::exists(out / "study.json"));
}

TEST_CASE("data that cannot be used are told before a study writes anything") {
  const Folder f;
  const auto file = study_file(f);
  std::string base = tiny;
  base.replace(base.find("image_size = 8"), 14, "source = \"npz\"\npath = \"nosuch.npz\"");
  std::ofstream(f.path / "base.toml") << base;
  const auto refused = afu_command(f, "study " + file.string() + " -o " + (f.path / "result").string());
  CHECK(refused.status == 2);
  CHECK_MESSAGE(refused.err.find("base.toml:5:") != std::string::npos, refused.err);
  CHECK(refused.err.find("nosuch.npz") != std::string::npos);
  CHECK_FALSE(fs::exists(f.path / "result"));
}

TEST_CASE("an option that would be of no use is refused") {
  const Folder f;
  const auto file = "study " + study_file(f).string() + " ";
  const auto refused = [&](const char* options, const char* words) {
    const auto answer = afu_command(f, file + options);
    CHECK(answer.status == 2);
    CHECK_MESSAGE(answer.err.find(words) != std::string::npos, answer.err);
  };
  refused("--leave", "--leave goes with --worker");
  refused("--array 4", "--array goes with --sbatch or --submit");
  refused("--patience 7", "--patience goes with --worker, --shard, --watch, --sbatch or --submit");
  refused("--watch --worker", "one at a time");
  refused("--plan --sbatch", "one at a time");
}

TEST_CASE("a study holds its models against those of several retrains") {
  const Folder f;
  const auto out = f.path / "result";
  const auto file = study_file(f,
                               "distances = [\"retrain\", \"retrain_b\"]\n"
                               "[[arm]]\nname = \"retrain_b\"\n"
                               "set = { unlearning.method = \"retrain\", unlearning.retrain.init_seed = 9 }\n"
                               "[[arm]]\nname = \"twin\"\nset = { unlearning.method = \"retrain\" }\n"
                               "[[arm]]\nname = \"deeper\"\nset = { model.name = \"mlp\" }\n");
  const auto answer = afu_command(f, "study " + file.string() + " -o " + out.string());
  REQUIRE(answer.status == 0);
  // Of another network there is no distance, and that is told.
  CHECK(answer.err.find(
            "distances: cells/deeper/seed=1 is left out: not of the same federation as cells/retrain/seed=1: "
            "model.name is \"mlp\", not \"logreg\"") != std::string::npos);
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
  // So it is with the parameters; the mean of squares is no square of a mean.
  const auto parameters = [&](const std::string& cell, const char* figure) {
    return value("cells/" + cell + "/seed=1,final,parameters." + figure);
  };
  const double length = parameters("retrain", "absolute");
  CHECK(length > 0);
  CHECK(parameters("twin", "absolute") == doctest::Approx(length / 2));
  CHECK(parameters("twin", "squared") == doctest::Approx(length * length / 2));
  CHECK(parameters("afu_ic", "relative") > 0);
  double squares = 0;
  for (const auto& [row, cell] : rows)
    if (row.rfind("cells/retrain/seed=1,final,layer:", 0) == 0 && row.rfind(".squared") == row.size() - 8)
      squares += std::stod(cell);
  CHECK(squares == doctest::Approx(length * length));  // the layers are all of it
  for (const auto& [row, cell] : rows) CHECK(row.find("deeper") == std::string::npos);
  CHECK(content(out / "tables/distances-layers.csv").find("among retrains") != std::string::npos);
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
  const auto end = answer.err.find("afu: 2 of 6 cells failed:\n  cells/hungry/seed=");
  REQUIRE(end != std::string::npos);  // the last that it says, with the reasons
  CHECK(answer.err.find("history_budget_mb", end) != std::string::npos);
  CHECK(afu_command(f, "study " + file.string() + " --plan -o " + out.string())
            .out.find("cells/hungry/seed=1  (failed: ") != std::string::npos);
  CHECK(content(out / "cells/hungry/seed=1/failure.txt").find("history_budget_mb") != std::string::npos);
  for (const auto* cell : cells) CHECK(fs::exists(out / cell / "summary.json"));
}

TEST_CASE("a study whose threads cannot be started ends in order, with the reason") {
  const Folder f;
  const auto file = study_file(f);
  const auto out = f.path / "result";
  // One thread's stack is larger than the memory that the process may map.
  const auto command = "export OPENBLAS_NUM_THREADS=1; ulimit -s 1000000000; ulimit -v 200000000; exec " +
                       std::string(AFU_BINARY) + " study " + file.string() + " -o " + out.string() + " > " +
                       (f.path / "out").string() + " 2> " + (f.path / "err").string();
  const int status = std::system(("bash -c '" + command + "'").c_str());
  CHECK(WEXITSTATUS(status) == 1);
  CHECK(content(f.path / "err").find("threads are needed, of which 0 could be started: ") !=
        std::string::npos);
  CHECK_FALSE(fs::exists(out / "afu.lock"));
  REQUIRE(afu_command(f, "study " + file.string() + " -o " + out.string()).status == 0);
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
  for (int i = 0; i < 6000 && !fs::exists(killed / cells[0] / "files.json"); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  REQUIRE(fs::exists(killed / cells[0] / "files.json"));
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

TEST_CASE("a study of too few seeds for its claims warns before it runs, with -q too, and in its plan") {
  const Folder f;
  const auto file = study_file(f).string();
  const auto out = (f.path / "result").string();
  const std::string what = "claims need at least 3 seeds; this study has 2\n";
  CHECK(afu_command(f, "study " + file + " --plan -o " + out).err.find("afu: warning: " + what) !=
        std::string::npos);
  const auto run = afu_command(f, "study " + file + " -q -o " + out);
  CHECK(run.status == 0);
  CHECK(run.err.find("warning " + what) != std::string::npos);
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
