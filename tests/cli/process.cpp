/// The launcher as a process: exit statuses, closed and full streams, full disks, signals, folders.
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "config/scenario.hpp"
#include "support.hpp"

using namespace afu::test;
namespace fs = std::filesystem;

namespace {

/// The status of a shell's command; `afu` in it is the program.
int shell(const Folder& f, const std::string& command) {
  const auto script =
      "afu() { " + std::string(AFU_BINARY) + " \"$@\"; }; cd " + f.path.string() + "; " + command;
  std::ofstream(f.path / "script") << script << "\n";
  const int status = std::system(("bash " + (f.path / "script").string() + " > " + (f.path / "out").string() +
                                  " 2> " + (f.path / "err").string())
                                     .c_str());
  return WEXITSTATUS(status);
}

struct WithScenario : Folder {
  WithScenario() { std::ofstream(path / "tiny.toml") << tiny; }
};

/// Starts `afu run` and sends it `signals`, once its log has begun.
int interrupted(const Folder& f, const std::string& output, const std::vector<int>& signals) {
  const auto folder = (f.path / output).string(), scenario = (f.path / "tiny.toml").string();
  const auto child = ::fork();
  if (child == 0) {
    ::execl(AFU_BINARY, AFU_BINARY, "run", scenario.c_str(), "-q", "-o", folder.c_str(), "--set",
            "stop.updates=100000000", nullptr);
    ::_exit(99);
  }
  std::error_code none;
  for (int i = 0; i < 300 && fs::file_size(folder + "/events.jsonl", none) + 1 <= 1; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  for (const int s : signals) {
    ::kill(child, s);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace

TEST_CASE("a refused run leaves the old one, or no folder at all") {
  const WithScenario f;
  REQUIRE(shell(f, "afu run tiny.toml -o r -q") == 0);
  const auto summary = content(f.path / "r/summary.json");
  const char* refused[] = {
      "--set partition.clients=300",
      "--set training.lr=7",
      "--set data.source=npz --set data.path=none.npz",
      "--set model.name=torchscript --set model.path=none.pt",
      "--set 'heterogeneity.compute.slowdown={distribution=\"trace\",path=\"none.csv\"}'",
      "--set 'heterogeneity.network.jitter={distribution=\"trace\",path=\"none.csv\"}'"};
  for (const std::string set : refused) {
    INFO(set);
    CHECK(shell(f, "afu run tiny.toml -o r -q --force " + set) == 2);
    CHECK(content(f.path / "r/summary.json") == summary);
    CHECK(fs::exists(f.path / "r/model.pt"));
    CHECK(shell(f, "afu run tiny.toml -o n/m -q " + set) == 2);
    CHECK_FALSE(fs::exists(f.path / "n"));
  }
  CHECK(shell(f, "afu run tiny.toml -o n/m -q") == 0);
}

TEST_CASE("a zero in a trace is refused with file and line, by check too") {
  const WithScenario f;
  std::ofstream(f.path / "speeds.csv") << "value\n1\n0\n";
  const std::string set =
      "--set 'heterogeneity.compute.slowdown={distribution=\"trace\",path=\"speeds.csv\"}'";
  for (const std::string verb : {"run tiny.toml -q -o r ", "check tiny.toml "}) {
    CHECK(shell(f, "afu " + verb + set) == 2);
    CHECK(content(f.path / "err").find("speeds.csv:3: value is '0'") != std::string::npos);
  }
}

TEST_CASE("standard streams that are closed change no status, and no file") {
  const WithScenario f;
  CHECK(shell(f, "afu run tiny.toml -o a 2>&- >&- <&-") == 0);
  CHECK(shell(f, "afu run tiny.toml -o b -q") == 0);
  CHECK(content(f.path / "a/events.jsonl") == content(f.path / "b/events.jsonl"));
  CHECK(content(f.path / "a/metrics.csv") == content(f.path / "b/metrics.csv"));
  CHECK(shell(f, "afu check none.toml 2>&-") == 2);
  CHECK(shell(f, "afu run none.toml 2>/dev/full") == 2);
  CHECK(shell(f, "afu methods >&-") == 0);
}

TEST_CASE("what a verb prints and cannot write is an error, for every verb") {
  const WithScenario f;
  REQUIRE(shell(f, "afu run tiny.toml -o r -q") == 0);
  for (const std::string verb :
       {"--help", "methods", "reference", "devices", "devices --json", "data tiny.toml", "check tiny.toml",
        "report r", "run tiny.toml -o full", "bench aggregate --model logreg --repetitions 1"}) {
    INFO(verb);
    CHECK(shell(f, "afu " + verb + " > /dev/full") == 1);
    CHECK(content(f.path / "err").find("cannot write to standard output: No space left on device") !=
          std::string::npos);
  }
  CHECK(fs::exists(f.path / "full/summary.json"));
  // A mistake stays one.
  CHECK(shell(f, "afu check none.toml > /dev/full") == 2);
  CHECK(shell(f, "afu run tiny.toml -o quiet -q > /dev/full") == 0);
}

TEST_CASE("a reader that goes away ends nothing: 141, and the folder is complete") {
  const WithScenario f;
  CHECK(shell(f, "afu reference | true; exit ${PIPESTATUS[0]}") == 141);
  CHECK(content(f.path / "err").empty());
  CHECK(shell(f, "afu run tiny.toml -o r 2>&1 | true; exit ${PIPESTATUS[0]}") == 141);
  CHECK(fs::exists(f.path / "r/summary.json"));
}

TEST_CASE("a model that cannot be written fails the run, which keeps the rest and says so") {
  const WithScenario f;
  const auto run =
      "(trap '' XFSZ; ulimit -f 16; afu run tiny.toml -o r -q --set model.name=cnn_small --set "
      "output.events=false --set output.trace=false)";
  CHECK(shell(f, run) == 1);
  const auto err = content(f.path / "err");
  CHECK(err.find("cannot write 'r/model.pt': File too large") != std::string::npos);
  CHECK_FALSE(fs::exists(f.path / "r/model.pt"));
  CHECK_FALSE(fs::exists(f.path / "r/model.pt.part"));
  CHECK(fs::exists(f.path / "r/scenario.toml"));
  CHECK(fs::exists(f.path / "r/metrics.csv"));
  const auto summary = nlohmann::json::parse(content(f.path / "r/summary.json"));
  CHECK(summary["context"]["ended"].get<std::string>().find("failed: cannot write 'r/model.pt'") == 0);
  // Without the trap too: the signal that comes with the limit is no death.
  CHECK(shell(f,
              "(ulimit -f 16; afu run tiny.toml -o s -q --set model.name=cnn_small --set output.events=false "
              "--set output.trace=false)") == 1);
}

TEST_CASE("a log that cannot be written ends the run, and the others are complete") {
  const WithScenario f;
  CHECK(
      shell(f,
            "(ulimit -f 16; afu run tiny.toml -o r -q --set stop.updates=2000 --set output.model=false --set "
            "output.trace=false --set evaluation.every_updates=1000)") == 1);
  CHECK(content(f.path / "err").find("cannot write 'r/events.jsonl': File too large") != std::string::npos);
  CHECK(fs::exists(f.path / "r/metrics.csv"));
  const auto summary = nlohmann::json::parse(content(f.path / "r/summary.json"));
  CHECK(summary["context"]["ended"].get<std::string>().find("failed: recorder: cannot write") == 0);
}

TEST_CASE("every signal that asks for an end gets an ordered one, and its own status") {
  const WithScenario f;
  for (const int s : {SIGTERM, SIGHUP, SIGINT}) {
    INFO(s);
    const auto folder = "signal" + std::to_string(s);
    CHECK(interrupted(f, folder, {s}) == 128 + s);
    const auto summary = nlohmann::json::parse(content(f.path / folder / "summary.json"));
    CHECK(summary["context"]["ended"] == "interrupted");
    const auto log = content(f.path / folder / "events.jsonl");
    CHECK(log.back() == '\n');
    CHECK(static_cast<std::uint64_t>(summary["context"]["events"]) <=
          static_cast<std::uint64_t>(std::count(log.begin(), log.end(), '\n')));
    CHECK(fs::exists(f.path / folder / "model.pt"));
    CHECK_FALSE(nlohmann::json::parse(content(f.path / folder / "trace.json")).empty());
  }
  CHECK(interrupted(f, "twice", {SIGINT, SIGTERM}) == 128 + SIGINT);
  CHECK(nlohmann::json::parse(content(f.path / "twice/summary.json"))["context"]["ended"] == "interrupted");
}

TEST_CASE("a run that is piped says at once what it does, and at its end what to do next") {
  const WithScenario f;
  CHECK(shell(f, "afu run tiny.toml -o 'a b'") == 0);
  const auto err = content(f.path / "err"), out = content(f.path / "out");
  CHECK(err.rfind("afu: tiny: 3 clients train logreg by async_delta until 12 updates; 1 erasure by afu_ic; "
                  "into a b\n",
                  0) == 0);
  CHECK(out.find("afu report 'a b'\n") != std::string::npos);
  // Quiet: no word but what is wrong.
  CHECK(shell(f, "afu run tiny.toml -o q -q") == 0);
  CHECK(content(f.path / "err").empty());
  CHECK(content(f.path / "out").empty());
  CHECK(shell(f, "afu run tiny.toml -o w -q --set training.mixing=0.5") == 0);
  CHECK(content(f.path / "err").find("warning: training.mixing = 0.5 does nothing") != std::string::npos);
}
