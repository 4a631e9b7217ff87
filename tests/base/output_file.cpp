/// Files that are written at once, or not at all, and that reach the disk.
#include "base/output_file.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <set>
#include <vector>

#include "tests/record/temporary_folder.hpp"

using namespace afu::base;
using afu::test::TemporaryFolder;
using afu::test::text_of;
using afu::test::write_text;
namespace fs = std::filesystem;

namespace {

std::vector<std::string> synced;  ///< what fsync was called on, by its name at that time

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename().string());
  return names;
}

}  // namespace

/// In place of the system's: the program's own symbol comes first.
extern "C" int fsync(int descriptor) {
  std::error_code ignored;
  synced.push_back(fs::read_symlink("/proc/self/fd/" + std::to_string(descriptor), ignored).string());
  return static_cast<int>(::syscall(SYS_fsync, descriptor));
}

TEST_CASE("a file written at once is on the disk before it has its name, and the name after") {
  TemporaryFolder tmp;
  write_text(tmp / "a.txt", "old");
  synced.clear();
  write_whole(tmp / "a.txt", "new");
  const auto folder = fs::canonical(tmp.path()).string();
  CHECK(synced == std::vector<std::string>{folder + "/a.txt.part", folder});
  CHECK(text_of(tmp / "a.txt") == "new");
  CHECK(names_in(tmp.path()) == std::set<std::string>{"a.txt"});
}

TEST_CASE("a log is put on the disk when it is closed, once") {
  TemporaryFolder tmp;
  OutputFile log(tmp / "log");
  log.buffer().push_back('x');
  synced.clear();
  log.flush();
  CHECK(synced.empty());
  log.close();
  log.close();
  CHECK(synced == std::vector<std::string>{(fs::canonical(tmp.path()) / "log").string()});
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
