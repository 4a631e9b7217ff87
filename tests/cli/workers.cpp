/// Several processes on one study: shards, workers, those that die, and Slurm's script.
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <thread>
#include <vector>

#include "support.hpp"

using namespace afu::test;
namespace fs = std::filesystem;

namespace {

constexpr int seeds = 4;

/// Two arms, four seeds: eight cells in four groups.
struct Study : Folder {
  fs::path file = path / "tiny.toml";
  explicit Study(const std::string& more = "") {
    std::ofstream(path / "base.toml") << tiny << "[output]\ncheckpoint_every = 0.01\n";
    std::ofstream(file)
        << "[study]\nbase = \"base.toml\"\nseeds = [1, 2, 3, 4]\nmethods = [\"afu_ic\", \"retrain\"]\n"
        << more;
  }
  /// Into the folder `name`; outputs go to files of that name and number, so that several may run at once.
  Answer run(const std::string& name, const std::string& options, int number = 0,
             const std::string& environment = "") const {
    const auto log = path / (name + "." + std::to_string(number));
    const auto command = environment + " " + std::string(AFU_BINARY) + " study " + file.string() + " -o " +
                         (path / name).string() + " " + options + " > " + log.string() + ".out 2> " +
                         log.string() + ".err";
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, content(log.string() + ".out"),
            content(log.string() + ".err")};
  }
  std::vector<Answer> run_at_once(const std::string& name, const std::vector<std::string>& options) const {
    std::vector<Answer> answers(options.size());
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < options.size(); ++i)
      threads.emplace_back([&, i] { answers[i] = run(name, options[i], static_cast<int>(i)); });
    for (auto& t : threads) t.join();
    return answers;
  }
  /// Logs and metrics of all cells.
  std::string figures(const std::string& name) const {
    std::string all;
    for (const char* arm : {"afu_ic", "retrain"})
      for (int seed = 1; seed <= seeds; ++seed)
        for (const char* log : {"events.jsonl", "metrics.csv"})
          all += content(path / name / "cells" / arm / ("seed=" + std::to_string(seed)) / log) + "--\n";
    return all;
  }
};

/// "3 run here" as 3.
int number_before(const std::string& text, const std::string& words) {
  const auto at = text.find(words);
  if (at == std::string::npos || at == 0) return -1;
  const auto begin = text.find_last_not_of("0123456789", at - 2);
  return std::atoi(text.c_str() + (begin == std::string::npos ? 0 : begin + 1));
}

int count_of(const std::string& text, const std::string& part) {
  int n = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

}  // namespace

TEST_CASE("three workers share a study: each cell is computed once, to the figures of one process") {
  const Study f;
  REQUIRE(f.run("alone", "-q").status == 0);
  const auto answers = f.run_at_once("shared", {3, "--worker -j 1 --patience 30"});
  int ran = 0, reports = 0;
  for (const auto& a : answers) {
    CAPTURE(a.err);
    CHECK(a.status == 0);
    ran += number_before(a.out, " run here");
    reports += count_of(a.out, "report: ");
  }
  CHECK(ran == 2 * seeds);
  CHECK(reports >= 1);
  CHECK(f.figures("shared") == f.figures("alone"));
  CHECK(fs::exists(f.path / "shared/report.html"));
  CHECK_FALSE(fs::exists(f.path / "shared/afu.lock"));
  // A worker that comes when all is done does nothing but the report; so does the study alone.
  const auto late = f.run("shared", "--worker");
  CHECK(late.status == 0);
  CHECK(late.out.find("0 run here, 8 complete, 0 failed, 0 groups held by others") != std::string::npos);
  CHECK(f.run("shared", "").out.find("0 run now, 8 complete before") != std::string::npos);
}

TEST_CASE(
    "what a killed worker held is taken over after its silence, and what another finished is not run again") {
  const Study f;
  REQUIRE(f.run("alone", "-q").status == 0);
  const auto killed = f.run("shared", "--worker -j 1", 0, "AFU_FAULT=kill=60");
  REQUIRE(killed.status != 0);
  const auto before = fs::exists(f.path / "shared/report.html");
  CHECK_FALSE(before);
  const auto heir = f.run("shared", "--worker -j 1 --patience 1", 1);
  CAPTURE(heir.err);
  CHECK(heir.status == 0);
  CHECK(heir.err.find("taken over from process ") != std::string::npos);
  CHECK(heir.err.find("which gives no sign of life") != std::string::npos);
  CHECK(heir.out.find("8 complete, 0 failed, 0 groups held by others") != std::string::npos);
  CHECK(f.figures("shared") == f.figures("alone"));
}

TEST_CASE("a worker that is to leave does not wait for what others hold") {
  const Study f;
  REQUIRE(f.run("shared", "--worker -j 1", 0, "AFU_FAULT=kill=60").status != 0);
  const auto left = f.run("shared", "--worker -j 1 --leave --patience 600", 1);
  CHECK(left.status == 0);
  CHECK(left.out.find("1 groups held by others") != std::string::npos);
  CHECK(left.out.find("whoever ends last writes the report") != std::string::npos);
  CHECK_FALSE(fs::exists(f.path / "shared/report.html"));
}

TEST_CASE("shards are parts of the groups, each with all of its cells, and make the whole together") {
  const Study f;
  REQUIRE(f.run("alone", "-q").status == 0);
  const auto first = f.run("shared", "--shard 1/3 -j 1", 0);
  CHECK(first.status == 0);
  CHECK(first.out.find("4 run here") != std::string::npos);  // two groups of four
  CHECK(first.err.find("4 / 8 cells") != std::string::npos);
  CHECK(first.err.find("5 / 8 cells") == std::string::npos);         // the others' are not done
  CHECK(first.out.find("jobs were computed") != std::string::npos);  // with what they share
  CHECK_FALSE(fs::exists(f.path / "shared/report.html"));
  CHECK(f.run("shared", "--shard 2/3", 1).out.find("2 run here") != std::string::npos);
  CHECK(f.run("shared", "--shard 3/3", 2).out.find("2 run here") != std::string::npos);
  CHECK(fs::exists(f.path / "shared/report.html"));
  CHECK(f.figures("shared") == f.figures("alone"));
  for (const char* no : {"0/3", "4/3", "3", "a/b", "1/0", "1/3x", "-1/3"}) {
    const auto refused = f.run("other", std::string("--shard ") + no);
    CHECK(refused.status == 2);
    CHECK(refused.err.find("is no part of a whole") != std::string::npos);
  }
}

TEST_CASE("a cell that fails is told by the worker that ran it, and at most once by each") {
  const Study f(
      "[[arm]]\nname = \"hungry\"\nset = { unlearning.method = \"federaser\", "
      "unlearning.history_budget_mb = 0.000001 }\n");
  const auto answers = f.run_at_once("shared", {2, "--worker -j 1 --patience 30"});
  int told = 0;
  for (const auto& a : answers) {
    CHECK(a.status == (a.err.find("cells failed") != std::string::npos ? 1 : 0));
    told += count_of(a.err, "hungry/seed=1 failed: ");
    CHECK(a.out.find(" 4 failed") != std::string::npos);
  }
  CHECK(told >= 1);
  CHECK(told <= 2);  // a worker that comes when the other has given the group up already tries again
  CHECK(fs::exists(f.path / "shared/report.html"));
}

TEST_CASE("a worker whose leases cannot be written ends in order, with the reason") {
  const Study f;
  for (const char* n : {"1", "4", "7", "10", "13", "5+"}) {
    const auto full =
        f.run(std::string("full") + n, "--worker -j 1 -q", 0, std::string("AFU_FAULT=write=") + n);
    CAPTURE(n);
    CAPTURE(full.err);
    CHECK((full.status == 0 || full.status == 1 || full.status == 2));
    if (full.status != 0) CHECK(full.err.find("No space left on device") != std::string::npos);
  }
}

TEST_CASE("workers keep out who would write the folder alone, and another form of the study") {
  const Study f;
  REQUIRE(f.run("shared", "--worker -j 1", 0, "AFU_FAULT=kill=60").status != 0);  // it holds a group
  std::ofstream(f.file, std::ios::app) << "claims = [\"latency\"]\n";
  const auto other = f.run("shared", "--worker -q");
  CHECK(other.status == 2);
  CHECK(other.err.find(
            "holds another form of this study, and 1 of its groups are held, the first by process ") !=
        std::string::npos);
  CHECK(f.run("shared", "--worker --force").err.find("--force: several workers would each") !=
        std::string::npos);
}

TEST_CASE("the watch tells how far all are, and ends with the study") {
  const Study f;
  CHECK(f.run("nothing", "--watch").status == 2);
  REQUIRE(f.run("shared", "--worker -q").status == 0);
  const auto watch = f.run("shared", "--watch");
  CHECK(watch.status == 0);
  CHECK(watch.err.find("8 / 8 cells: nobody is at work") != std::string::npos);
  REQUIRE(f.run("alone", "-q").status == 0);
  CHECK(f.run("alone", "--watch").status == 0);
  CHECK_FALSE(fs::exists(f.path / "alone/leases"));  // who watches writes nothing
}

TEST_CASE("the script for Slurm asks for what a task needs, and is handed to sbatch") {
  const Study f;
  const auto out = (f.path / "shared").string();
  const auto script = f.run("shared", "--sbatch --array 3 -j 2 --cache-mb 100");
  CHECK(script.status == 0);
  CHECK(script.out.rfind("#!/bin/bash\n", 0) == 0);
  for (const auto& line : {std::string("#SBATCH --job-name=afu-tiny\n"), std::string("#SBATCH --array=1-3\n"),
                           std::string("#SBATCH --cpus-per-task=2\n"), std::string("#SBATCH --requeue\n"),
                           "#SBATCH --output=" + out + "/slurm/%A_%a.log\n",
                           " study '" + f.file.string() + "' -o '" + out + "' --worker -j 2 --patience 60\n"})
    CHECK(script.out.find(line) != std::string::npos);
  CHECK(script.out.find("--gres") == std::string::npos);
  CHECK_FALSE(fs::exists(out));

  const auto bin = f.path / "bin";
  fs::create_directories(bin);
  std::ofstream(bin / "sbatch") << "#!/bin/sh\ncp \"$1\" '" << f.path.string()
                                << "/handed.sh'\necho Submitted batch job 7\n";
  ::chmod((bin / "sbatch").c_str(), 0755);
  const auto submitted =
      f.run("shared", "--submit --array 3 -j 2 --cache-mb 100", 1, "PATH=" + bin.string() + ":$PATH");
  CHECK(submitted.status == 0);
  CHECK(submitted.out.find("Submitted batch job 7") != std::string::npos);
  const auto handed = f.path / "handed.sh";
  CHECK(content(handed).find("--array=1-3\n") != std::string::npos);
  // What was handed over is a worker.
  REQUIRE(std::system(("sh " + handed.string() + " > /dev/null 2>&1").c_str()) == 0);
  CHECK(fs::exists(f.path / "shared/report.html"));
  CHECK(f.run("shared", "--sbatch").out == "nothing is left to run\n");
  const auto none = f.run("none", "--submit", 2, "PATH=/nonexistent");
  CHECK(none.status == 2);
}
