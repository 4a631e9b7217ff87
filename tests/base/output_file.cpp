/// Files that are written at once, or not at all, and that reach the disk.
#include "base/output_file.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <vector>

#include "tests/record/temporary_folder.hpp"

using namespace afu::base;
using afu::test::TemporaryFolder;
using afu::test::text_of;
using afu::test::write_text;
namespace fs = std::filesystem;

namespace {

/// What fsync was called on, by its name at that time. Other tests of this program write files from several threads.
std::mutex synced_mutex;
std::vector<std::string> synced_names;

void forget_synced() {
  const std::lock_guard lock(synced_mutex);
  synced_names.clear();
}

std::vector<std::string> synced() {
  const std::lock_guard lock(synced_mutex);
  return synced_names;
}

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename().string());
  return names;
}

}  // namespace

/// In place of the system's: the program's own symbol comes first.
extern "C" int fsync(int descriptor) {
  std::error_code ignored;
  auto name = fs::read_symlink("/proc/self/fd/" + std::to_string(descriptor), ignored).string();
  {
    const std::lock_guard lock(synced_mutex);
    synced_names.push_back(std::move(name));
  }
  return static_cast<int>(::syscall(SYS_fsync, descriptor));
}

TEST_CASE("a file written at once is on the disk before it has its name, and the name after") {
  TemporaryFolder tmp;
  write_text(tmp / "a.txt", "old");
  forget_synced();
  write_whole(tmp / "a.txt", "new");
  const auto folder = fs::canonical(tmp.path()).string();
  CHECK(synced() == std::vector<std::string>{folder + "/a.txt.part", folder});
  CHECK(text_of(tmp / "a.txt") == "new");
  CHECK(names_in(tmp.path()) == std::set<std::string>{"a.txt"});
}

TEST_CASE("a log is put on the disk when it is closed, once") {
  TemporaryFolder tmp;
  OutputFile log(tmp / "log");
  log.buffer().push_back('x');
  forget_synced();
  log.flush();
  CHECK(synced().empty());
  log.close();
  log.close();
  CHECK(synced() == std::vector<std::string>{(fs::canonical(tmp.path()) / "log").string()});
}

TEST_CASE("a file that cannot be written at once leaves the old one and nothing beside it") {
  TemporaryFolder tmp;
  CHECK_THROWS_WITH_AS(
      write_whole(tmp / "no/a.txt", "x"),
      ("cannot write '" + (tmp / "no/a.txt").string() + "': No such file or directory").c_str(),
      std::runtime_error);
  fs::create_directory(tmp / "a.txt");
  CHECK_THROWS_AS(write_whole(tmp / "a.txt", "x"), std::runtime_error);
  CHECK(names_in(tmp.path()) == std::set<std::string>{"a.txt"});
}

TEST_CASE("what is written to a device goes to the device") {
  CHECK_NOTHROW(write_whole("/dev/null", "x"));
  CHECK_FALSE(fs::exists("/dev/null.part"));
  if (fs::exists("/dev/full"))
    CHECK_THROWS_WITH_AS(write_whole("/dev/full", "x"), "cannot write '/dev/full': No space left on device",
                         std::runtime_error);
}

TEST_CASE("a log that is written again goes on behind its last whole line, and differs nowhere") {
  const std::string lines = "one\ntwo\nthree\nfour\nfive\n";
  for (std::size_t held = 0; held <= lines.size(); ++held)
    for (const std::size_t step : {1, 5, 100}) {
      CAPTURE(held);
      CAPTURE(step);
      TemporaryFolder tmp;
      write_text(tmp / "log", lines.substr(0, held));
      OutputFile file(tmp / "log", OutputFile::Again{});
      const auto whole = held == 0 ? 0 : lines.rfind('\n', held - 1) + 1;
      CHECK(text_of(tmp / "log") == lines.substr(0, whole));
      for (std::size_t at = 0; at < lines.size(); at += step) {
        const auto piece = lines.substr(at, step);
        file.buffer().append(piece.data(), piece.data() + piece.size());
        file.flush();
        CHECK(text_of(tmp / "log") == lines.substr(0, std::max(whole, at + piece.size())));
      }
      file.close();
      CHECK(text_of(tmp / "log") == lines);
    }
}

TEST_CASE("a log that is written again with another line is an error that names the line, and stays") {
  TemporaryFolder tmp;
  const std::string held = "one\ntwo\nthree\n";
  write_text(tmp / "log", held + "fou");
  OutputFile file(tmp / "log", OutputFile::Again{});
  const std::string other = "one\ntwo\nthrew\n";
  file.buffer().append(other.data(), other.data() + other.size());
  CHECK_THROWS_WITH_AS(file.flush(), doctest::Contains("holds another line 3 than"), std::runtime_error);
  CHECK_THROWS_WITH_AS(file.flush(), doctest::Contains("log"), std::runtime_error);
  CHECK(text_of(tmp / "log") == held);
}

TEST_CASE(
    "a log that ends before it was written again as far keeps the rest, and one that is absent is made") {
  TemporaryFolder tmp;
  write_text(tmp / "log", "one\ntwo\n");
  {
    OutputFile file(tmp / "log", OutputFile::Again{});
    file.buffer().append(std::string_view("one\n"));
    file.close();
  }
  CHECK(text_of(tmp / "log") == "one\ntwo\n");
  OutputFile fresh(tmp / "fresh", OutputFile::Again{});
  fresh.buffer().append(std::string_view("one\n"));
  fresh.close();
  CHECK(text_of(tmp / "fresh") == "one\n");
}

TEST_CASE("of a log that was written again as far as it holds the rest is dropped, and it goes on") {
  for (const std::string again : {"", "one\n", "one\ntwo\n", "one\ntwo\nthree\n"}) {
    CAPTURE(again);
    TemporaryFolder tmp;
    write_text(tmp / "log", "one\ntwo\nthr");
    OutputFile file(tmp / "log", OutputFile::Again{});
    file.buffer().append(again.data(), again.data() + again.size());
    file.drop_rest();
    CHECK(text_of(tmp / "log") == again);
    file.drop_rest();
    file.buffer().append(std::string_view("2\n"));
    file.close();
    CHECK(text_of(tmp / "log") == again + "2\n");
  }
}

TEST_CASE("a file goes on behind what is kept of it") {
  TemporaryFolder tmp;
  write_text(tmp / "a", "keep, not this");
  OutputFile file(tmp / "a", OutputFile::Keep{4});
  CHECK(text_of(tmp / "a") == "keep");
  file.buffer().append(std::string_view(" more"));
  forget_synced();
  file.sync();
  CHECK(synced().size() == 1);
  CHECK(text_of(tmp / "a") == "keep more");
  CHECK_THROWS_AS(OutputFile(tmp / "absent", OutputFile::Keep{0}), std::runtime_error);
}
