#include "record/run_folder.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <set>
#include <string>

#include "tests/record/temporary_folder.hpp"

using namespace afu::record;
using afu::test::TemporaryFolder;
using afu::test::text_of;
using afu::test::write_text;
namespace fs = std::filesystem;

namespace {

/// As `RunFolder::create`; the lock has ended when it returns.
std::string refusal(const fs::path& path, bool force) {
  try {
    RunFolder::create(path, force);
  } catch (const RunFolderError& e) {
    return e.what();
  }
  return {};
}

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename().string());
  return names;
}

}  // namespace

TEST_CASE("a run's folder is created with its parents and claimed") {
  TemporaryFolder tmp;
  const auto folder = RunFolder::create(tmp / "a/b/run/", false);
  CHECK(folder.root() == tmp / "a/b/run");
  CHECK(names_in(folder.root()) == std::set<std::string>{"afu.lock", "scenario.toml"});
  CHECK(folder.path("events.jsonl") == tmp / "a/b/run/events.jsonl");
  // The second of two runs that start at once finds the lock of the first.
  CHECK(refusal(tmp / "a/b/run", false).find("is being written by process ") != std::string::npos);
}

TEST_CASE("what a process left that ended before its run began is no run") {
  TemporaryFolder tmp;
  fs::create_directories(tmp / "run");
  write_text(tmp / "run/scenario.toml", "");
  write_text(tmp / "run/checkpoint.afu", "begun");
  CHECK(refusal(tmp / "run", false).empty());
  CHECK(names_in(tmp / "run") == std::set<std::string>{"scenario.toml"});
  write_text(tmp / "run/events.jsonl", "");  // that one had begun
  CHECK(refusal(tmp / "run", false).find("--force") != std::string::npos);
}

TEST_CASE("a run that goes on keeps what it has written, but for what stands for its end") {
  TemporaryFolder tmp;
  fs::create_directories(tmp / "run/audit");
  for (auto name : run_files) write_text(tmp / "run" / std::string(name), "old");
  write_text(tmp / "run/model.pt.part", "left by a kill");
  auto folder = RunFolder::examine_to_go_on(tmp / "run");
  CHECK(text_of(tmp / "run/files.json") == "old");
  folder.claim();
  for (const char* name : {"scenario.toml", "metrics.csv", "requests.csv", "events.jsonl", "trace.json",
                           "attacks.csv", "calibrations.csv", "checkpoint.afu", "audit/jobs.jsonl"})
    CHECK(text_of(tmp / "run" / name) == "old");
  for (const char* name :
       {"files.json", "summary.json", "model.pt", "snapshot_before.pt", "audit/final.npz", "model.pt.part"})
    CHECK_FALSE(fs::exists(tmp / "run" / name));
  CHECK(refusal(tmp / "run", true).find("is being written by process ") != std::string::npos);
}

TEST_CASE("a folder that is being written is refused to others, with force too, and the writer is named") {
  TemporaryFolder tmp;
  {
    const auto running = RunFolder::create(tmp / "run", false);
    write_text(running.path("metrics.csv"), "mine");
    const auto why = refusal(tmp / "run", true);
    INFO(why);
    CHECK(why.find("is being written by process " + std::to_string(::getpid()) + " on ") !=
          std::string::npos);
    CHECK(text_of(running.path("metrics.csv")) == "mine");
    // NOLINTNEXTLINE(performance-unnecessary-copy-initialization)
    const auto copy = running;  // the same folder: its end is not the other's
  }
  CHECK(names_in(tmp / "run") == std::set<std::string>{"metrics.csv", "scenario.toml"});
  CHECK(refusal(tmp / "run", true).empty());
}

TEST_CASE("the lock of a process that was killed holds nobody up") {
  TemporaryFolder tmp;
  const auto child = ::fork();
  if (child == 0) {
    const auto folder = RunFolder::create(tmp / "run", false);
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE(WIFSIGNALED(status));
  CHECK(text_of(tmp / "run/afu.lock").find("process " + std::to_string(child)) == 0);  // it is left behind
  CHECK(refusal(tmp / "run", true).empty());
  CHECK(names_in(tmp / "run") == std::set<std::string>{"scenario.toml"});
}

TEST_CASE("examining touches nothing, claiming makes the folder") {
  TemporaryFolder tmp;
  {
    auto fresh = RunFolder::examine(tmp / "a/run", false);
    CHECK_FALSE(fs::exists(tmp / "a"));
    fresh.claim();
    CHECK(names_in(tmp / "a/run") == std::set<std::string>{"afu.lock", "scenario.toml"});
  }

  write_text(tmp / "a/run/summary.json", "old");
  write_text(tmp / "a/run/model.pt.part", "left by a kill");
  CHECK_THROWS_AS(RunFolder::examine(tmp / "a/run", false), RunFolderError);
  auto again = RunFolder::examine(tmp / "a/run", true);
  CHECK(text_of(tmp / "a/run/summary.json") == "old");
  again.claim();
  CHECK(names_in(tmp / "a/run") == std::set<std::string>{"afu.lock", "scenario.toml"});
}

TEST_CASE("only the files of a run have a path") {
  TemporaryFolder tmp;
  const auto folder = RunFolder::create(tmp / "run", false);
  for (auto name : run_files) CHECK_NOTHROW(folder.path(name));
  CHECK_THROWS_AS(folder.path("../elsewhere.json"), std::logic_error);
  CHECK_THROWS_AS(folder.path("notes.txt"), std::logic_error);
}

TEST_CASE("any file of a run keeps a folder from being overwritten") {
  for (auto name : run_files) {
    TemporaryFolder tmp;
    fs::create_directories((tmp / std::string(name)).parent_path());
    write_text(tmp / std::string(name), "old");
    write_text(tmp / "notes.txt", "mine");

    const auto why = refusal(tmp.path(), false);
    INFO(why);
    CHECK(why.find(tmp.path().string()) != std::string::npos);
    CHECK(why.find(std::string(name)) != std::string::npos);
    CHECK(why.find("--force") != std::string::npos);
    CHECK(text_of(tmp / std::string(name)) == "old");

    RunFolder::create(tmp.path(), true);
    CHECK(names_in(tmp.path()) == std::set<std::string>{"notes.txt", "scenario.toml"});
    CHECK(text_of(tmp / "notes.txt") == "mine");
    CHECK(text_of(tmp / "scenario.toml").empty());
  }
}

TEST_CASE("a folder with other files holds no run") {
  TemporaryFolder tmp;
  write_text(tmp / "notes.txt", "mine");
  CHECK(refusal(tmp.path(), false).empty());
}

TEST_CASE("a study's folder is no place for a run, with force neither") {
  TemporaryFolder tmp;
  write_text(tmp / "study.json", "{}");
  for (const bool force : {false, true})
    CHECK(refusal(tmp.path(), force).find("holds a study (study.json): choose another folder") !=
          std::string::npos);
}

TEST_CASE("links are neither written through nor followed by force") {
  TemporaryFolder tmp;
  fs::create_directory(tmp / "run");
  write_text(tmp / "outside.pt", "precious");
  fs::create_symlink(tmp / "outside.pt", tmp / "run/model.pt");
  fs::create_symlink(tmp / "nowhere", tmp / "run/trace.json");
  CHECK_FALSE(refusal(tmp / "run", false).empty());
  RunFolder::create(tmp / "run", true);
  CHECK(text_of(tmp / "outside.pt") == "precious");
  CHECK(names_in(tmp / "run") == std::set<std::string>{"scenario.toml"});
}

TEST_CASE("a link in the place of audit/ is replaced, and what it leads to stays") {
  TemporaryFolder tmp;
  fs::create_directories(tmp / "run");
  fs::create_directories(tmp / "elsewhere");
  write_text(tmp / "elsewhere/run.json", "precious");
  fs::create_symlink(tmp / "elsewhere", tmp / "run/audit");
  CHECK(refusal(tmp / "run", false).find("(audit)") != std::string::npos);
  const auto folder = RunFolder::create(tmp / "run", true);
  CHECK(text_of(tmp / "elsewhere/run.json") == "precious");
  CHECK(folder.audit() == tmp / "run/audit");
  CHECK_FALSE(fs::is_symlink(tmp / "run/audit"));
  CHECK(fs::is_directory(tmp / "run/audit"));
}

TEST_CASE("what a user has in the place of audit/ stays, a folder of theirs even where the run is replaced") {
  TemporaryFolder tmp;
  fs::create_directories(tmp / "file");
  write_text(tmp / "file/audit", "precious");
  CHECK(refusal(tmp / "file", false).find("(audit)") != std::string::npos);
  CHECK(text_of(tmp / "file/audit") == "precious");
  const auto forced = RunFolder::create(tmp / "file", true);
  CHECK(fs::is_directory(forced.audit()));

  fs::create_directories(tmp / "empty/audit");
  RunFolder::create(tmp / "empty", false);
  CHECK(fs::is_directory(tmp / "empty/audit"));

  fs::create_directories(tmp / "full/audit");
  write_text(tmp / "full/audit/run.json", "of a run");
  write_text(tmp / "full/audit/notes.txt", "precious");
  RunFolder::create(tmp / "full", true);
  CHECK(names_in(tmp / "full/audit") == std::set<std::string>{"notes.txt"});
}

TEST_CASE("what cannot be a run's folder is refused with its name") {
  TemporaryFolder tmp;
  write_text(tmp / "file", "x");
  CHECK(refusal(tmp / "file", true).find("is not a folder") != std::string::npos);
  CHECK(refusal(tmp / "file/run", false).find((tmp / "file/run").string()) != std::string::npos);
  CHECK_FALSE(refusal("", false).empty());
  fs::create_directories(tmp / "run/model.pt");
  CHECK(refusal(tmp / "run", true).find("model.pt") != std::string::npos);
  CHECK(fs::is_directory(tmp / "run/model.pt"));
}

TEST_CASE("a folder without write permission is refused") {
  if (::geteuid() == 0) {
    MESSAGE("skipped: root may write everywhere");
    return;
  }
  TemporaryFolder tmp;
  fs::create_directory(tmp / "run");
  fs::permissions(tmp / "run", fs::perms::owner_read | fs::perms::owner_exec);
  CHECK(refusal(tmp / "run", false).find("Permission denied") != std::string::npos);
  CHECK(refusal(tmp / "run/deeper", false).find("Permission denied") != std::string::npos);
  fs::permissions(tmp / "run", fs::perms::owner_all);
}
