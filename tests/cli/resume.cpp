/// Runs and studies that are killed or interrupted, and go on with the same command.
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "lane/checkpoint_file.hpp"
#include "support.hpp"

using namespace afu::test;
namespace fs = std::filesystem;

namespace {

/// Long enough to be killed on the way.
const char* longer = " --set stop.updates=4000 --set output.checkpoint_every=0.02";

std::vector<std::string> words(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> all;
  for (std::string word; in >> word;) all.push_back(word);
  return all;
}

/// Starts `afu ARGUMENTS` and sends it `signal` as soon as `now`, unless it ended before. Its status; -n: ended by signal n.
int stopped(const std::string& arguments, int signal, const std::function<bool()>& now) {
  auto all = words(arguments);
  std::vector<char*> argv{const_cast<char*>(AFU_BINARY)};
  for (auto& word : all) argv.push_back(word.data());
  argv.push_back(nullptr);
  const auto child = ::fork();
  if (child == 0) {
    ::execv(AFU_BINARY, argv.data());
    ::_exit(99);
  }
  int status = 0;
  bool over = false;
  while (!over && !now()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    over = ::waitpid(child, &status, WNOHANG) == child;
  }
  if (!over) {
    ::kill(child, signal);
    ::waitpid(child, &status, 0);
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

std::uintmax_t size_of(const fs::path& file) {
  std::error_code absent;
  const auto size = fs::file_size(file, absent);
  return absent ? 0 : size;
}

/// That the folder's last whole checkpoint holds; 0: there is none.
std::size_t results_kept(const fs::path& folder) try {
  return afu::lane::read_checkpoint(folder / "checkpoint.afu").results.size();
} catch (const std::runtime_error&) {
  return 0;
}

/// What must be the same, however often the run was stopped: all but real times and the host's memory.
std::string figures(const fs::path& folder) {
  auto j = nlohmann::json::parse(content(folder / "summary.json"));
  j.erase("wall_seconds");
  j.erase("peak_rss_bytes");
  j["context"].erase("started");
  j["context"].erase("resumed");
  return j.dump();
}

std::uint64_t resumed(const fs::path& folder) {
  const auto r = nlohmann::json::parse(content(folder / "summary.json"))["context"]["resumed"];
  return r.is_null() ? 0 : r["times"].get<std::uint64_t>();
}

void check_same(const fs::path& a, const fs::path& b) {
  for (const char* name : {"events.jsonl", "metrics.csv", "requests.csv", "model.pt"})
    CHECK((content(a / name) == content(b / name)));
  CHECK(figures(a) == figures(b));
  CHECK_FALSE(fs::exists(a / "checkpoint.afu"));
}

struct Runs : Folder {
  std::string scenario = (path / "tiny.toml").string();
  fs::path run = path / "run";
  Runs() { std::ofstream(scenario) << tiny; }
  std::string command(const std::string& more = longer, const std::string& name = "run") const {
    return "run " + scenario + " -o " + (path / name).string() + more;
  }
  /// Stopped by each signal in turn, once it wrote a checkpoint with more results than it began with. When one is written
  /// follows real time: where the machine was so busy that a run ended before, all of it is done once more.
  void stop(std::initializer_list<int> signals, const std::string& more = longer) const {
    constexpr int most_tries = 10;
    for (int i = 0; i < most_tries; ++i) {
      fs::remove_all(run);
      if (std::all_of(signals.begin(), signals.end(), [&](int signal) { return stopped_by(signal, more); }))
        return;
    }
    FAIL("the run ended before its first checkpoint, " << most_tries << " times");
  }
  void kill(const std::string& more = longer) const { stop({SIGKILL}, more); }

 private:
  bool stopped_by(int signal, const std::string& more) const {
    const auto begun = results_kept(run);
    const int status = stopped(command(more + " -q"), signal, [&] { return results_kept(run) > begun; });
    if (status == 0) return false;
    REQUIRE(status == (signal == SIGKILL ? -SIGKILL : 128 + signal));
    REQUIRE(fs::exists(run / "checkpoint.afu"));
    CHECK(fs::exists(run / "files.json") == (signal != SIGKILL));
    return true;
  }
};

}  // namespace

TEST_CASE("a run that was killed, twice, goes on with the same command, and tells") {
  const Runs f;
  f.stop({SIGKILL, SIGKILL});
  const auto last = afu_command(f, f.command() + " --set compute.lanes=2");
  INFO(last.err);
  REQUIRE(last.status == 0);
  CHECK(last.err.find("goes on with the run that began at 2") != std::string::npos);
  CHECK(resumed(f.run) == 2);
  REQUIRE(afu_command(f, f.command(longer, "whole")).status == 0);
  CHECK(resumed(f.path / "whole") == 0);
  check_same(f.run, f.path / "whole");
}

TEST_CASE("a run that a signal ended goes on, by SIGHUP as by SIGTERM, and may become longer") {
  const Runs f;
  f.stop({SIGHUP, SIGTERM});
  const std::string more = " --set stop.updates=4300 -q";
  REQUIRE(afu_command(f, f.command(more)).status == 0);
  REQUIRE(afu_command(f, f.command(more, "whole")).status == 0);
  check_same(f.run, f.path / "whole");
}

TEST_CASE("a run goes on with its own scenario only, and --fresh begins anew") {
  const Runs f;
  f.kill();
  const auto events = content(f.run / "events.jsonl");
  const auto other = afu_command(f, f.command() + " -q --set training.lr=0.123");
  CHECK(other.status == 2);
  INFO(other.err);
  CHECK(other.err.find("training.lr was ") != std::string::npos);
  CHECK(other.err.find("is 0.123") != std::string::npos);
  CHECK(other.err.find("--fresh") != std::string::npos);
  CHECK(other.err.find("stop.updates") == std::string::npos);
  const auto shorter = afu_command(f, f.command(" -q --set stop.updates=3999"));
  CHECK(shorter.status == 2);
  CHECK(shorter.err.find("stop.updates was 4000, is 3999") != std::string::npos);
  CHECK((content(f.run / "events.jsonl") == events));  // nothing was touched
  CHECK(fs::exists(f.run / "checkpoint.afu"));

  REQUIRE(afu_command(f, f.command(" -q --fresh --set training.lr=0.123")).status == 0);
  CHECK(resumed(f.run) == 0);
  // What is over is not to be lost by the same flag.
  const auto over = afu_command(f, f.command(" -q --fresh"));
  CHECK(over.status == 2);
  CHECK(over.err.find("already holds a run") != std::string::npos);
}

TEST_CASE("a run whose data changed meanwhile does not go on") {
  const Runs f;
  const auto trace = f.path / "speeds.csv";
  std::ofstream(trace) << "value\n1\n2\n3\n";
  const auto more = std::string(longer) +
                    " --set heterogeneity.compute.slowdown={distribution=\"trace\",path=\"" + trace.string() +
                    "\"}";
  // As one word of no shell.
  f.kill(more);
  std::ofstream(trace) << "value\n1\n2\n4\n";
  std::string quoted = more;
  quoted.replace(quoted.find("heterogeneity"), 0, "'");
  const auto changed = afu_command(f, f.command(quoted + "' -q"));
  CHECK(changed.status == 2);
  INFO(changed.err);
  CHECK(changed.err.find("the content of '" + trace.string() + "' is another") != std::string::npos);
  std::ofstream(trace) << "value\n1\n2\n3\n";
  CHECK(afu_command(f, f.command(quoted + "' -q")).status == 0);
  CHECK(resumed(f.run) == 1);
}

TEST_CASE(
    "a checkpoint with a bit turned goes on from the last one before it, and says so; without its begin it is refused") {
  const Runs f;
  f.kill();
  auto text = content(f.run / "checkpoint.afu");
  text[text.size() / 2] = static_cast<char>(text[text.size() / 2] ^ 1);
  std::ofstream(f.run / "checkpoint.afu", std::ios::binary) << text;
  const auto last = afu_command(f, f.command());
  INFO(last.err);
  REQUIRE(last.status == 0);
  CHECK(last.err.find("checkpoint.afu' is damaged") != std::string::npos);
  REQUIRE(afu_command(f, f.command(longer, "whole")).status == 0);
  check_same(f.run, f.path / "whole");

  f.kill();
  text = content(f.run / "checkpoint.afu");
  text[30] = static_cast<char>(text[30] ^ 1);
  std::ofstream(f.run / "checkpoint.afu", std::ios::binary) << text;
  const auto refused = afu_command(f, f.command() + " -q");
  CHECK(refused.status == 2);
  CHECK(refused.err.find("checkpoint.afu' is damaged") != std::string::npos);
}

TEST_CASE("a process that was killed when it had only claimed the folder holds nobody up") {
  const Runs f;
  fs::create_directories(f.run);
  std::ofstream(f.run / "scenario.toml") << "";
  CHECK(afu_command(f, f.command(" -q")).status == 0);
}

TEST_CASE(
    "a run on the wall clock that was killed, and one that a signal ended, goes on from its checkpoint") {
  const Runs f;
  const std::string wall =
      " --set scenario.clock=wall --set scenario.time_scale=0.005 --set stop.updates=2000"
      " --set output.checkpoint_every=0.02";
  f.stop({SIGKILL, SIGTERM}, wall);
  const auto before = content(f.run / "events.jsonl");
  const auto steps = afu::lane::read_checkpoint(f.run / "checkpoint.afu").steps;
  auto events = std::count_if(steps.begin(), steps.end(), [](const auto& s) {
    using Kind = afu::lane::ClockStep::Kind;
    return s.kind == Kind::message || s.kind == Kind::timer;
  });
  const auto last = afu_command(f, f.command(wall));
  INFO(last.err);
  REQUIRE(last.status == 0);
  CHECK(last.err.find("goes on with the run that began at 2") != std::string::npos);
  const auto summary = nlohmann::json::parse(content(f.run / "summary.json"));
  CHECK(summary["context"]["resumed"]["times"] == 2);
  CHECK(summary["context"]["resumed"]["away_seconds"] >= 0);
  CHECK(summary["context"]["ended"] == "completed");
  CHECK(summary["counters"]["updates"] == 2000);
  CHECK_FALSE(fs::exists(f.run / "checkpoint.afu"));
  // What the checkpoint holds took place as it did.
  std::istringstream was(before), is(content(f.run / "events.jsonl"));
  CHECK(events > 0);
  for (std::string a, b; events > 0 && std::getline(was, a) && std::getline(is, b);) {
    REQUIRE(a == b);
    events -= a.find("\"event\":") != a.npos;
  }
  CHECK(events == 0);
}

TEST_CASE("without checkpoints a folder with an unfinished run is refused") {
  const Runs f;
  const std::string none = " --set stop.updates=100000000 --set output.checkpoint_every=0 -q";
  REQUIRE(stopped(f.command(none), SIGKILL, [&] { return size_of(f.run / "events.jsonl") > 0; }) == -SIGKILL);
  CHECK_FALSE(fs::exists(f.run / "checkpoint.afu"));
  const auto again = afu_command(f, f.command(none));
  CHECK(again.status == 2);
  CHECK(again.err.find("already holds a run") != std::string::npos);
}

TEST_CASE("a run whose checkpoint cannot be written ends as it would, and says so") {
  const Runs f;
  const auto log = (f.path / "messages").string();
  const auto words =
      "no checkpoint could be written any more: cannot write '" + (f.run / "checkpoint.afu").string() + "': ";
  // How often it is written follows real time: on a busy machine a run may end before it needs more than it may.
  constexpr int most_tries = 20;
  std::string told;
  for (int i = 0; i < most_tries && told.find(words) == std::string::npos; ++i) {
    const int status = std::system(
        ("bash -c 'ulimit -f 200; exec " + std::string(AFU_BINARY) + " " +
         f.command(std::string(longer) + " --force --set output.events=false --set output.trace=false") +
         " 2> " + log + " > " + log + ".out'")
            .c_str());
    REQUIRE(WEXITSTATUS(status) == 0);
    told = content(log);
  }
  INFO(told);
  CHECK(told.find(words) != std::string::npos);
  CHECK_FALSE(fs::exists(f.run / "checkpoint.afu"));
  REQUIRE(afu_command(f, f.command(longer, "whole") + " -q").status == 0);
  CHECK((content(f.run / "model.pt") == content(f.path / "whole/model.pt")));
}

TEST_CASE("a study goes on within its cells" * doctest::test_suite("slow")) {
  const Runs f;
  std::ofstream(f.path / "study.toml") << "[study]\nname = \"s\"\nbase = \"tiny.toml\"\nseeds = [1]\n"
                                          "methods = [\"afu_ic\", \"retrain\"]\n"
                                          "set = { stop.updates = 4000, output.checkpoint_every = 0.02 }\n";
  const auto cell = f.path / "result/cells/afu_ic/seed=1";
  const auto command = "study " + (f.path / "study.toml").string() + " -j 1 -q -o ";
  REQUIRE(stopped(command + (f.path / "result").string(), SIGKILL, [&] { return results_kept(cell) > 0; }) ==
          -SIGKILL);
  REQUIRE(stopped(command + (f.path / "result").string(), SIGTERM, [&] {
            return fs::exists(cell / "files.json") ||
                   results_kept(f.path / "result/cells/retrain/seed=1") > 0;
          }) == 128 + SIGTERM);
  REQUIRE(afu_command(f, command + (f.path / "result").string()).status == 0);
  CHECK(resumed(cell) >= 1);
  REQUIRE(afu_command(f, command + (f.path / "whole").string()).status == 0);
  for (const char* method : {"afu_ic", "retrain"}) {
    const auto name = std::string("cells/") + method + "/seed=1";
    check_same(f.path / "result" / name, f.path / "whole" / name);
  }
}
