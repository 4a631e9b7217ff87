/// Faults on purpose happen where they are asked for, and nowhere else.
#include "base/fault.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <new>
#include <string>
#include <vector>

#include "base/input_error.hpp"
#include "base/npz_file.hpp"
#include "base/output_file.hpp"
#include "tests/record/temporary_folder.hpp"

using namespace afu::base;
using afu::test::TemporaryFolder;
using afu::test::text_of;
using afu::test::write_text;
namespace fs = std::filesystem;

namespace {

std::vector<int> steps(int count) {
  std::vector<int> found;
  for (int i = 0; i < count; ++i) found.push_back(fault::at_write());
  return found;
}

}  // namespace

TEST_CASE("a fault comes at its step, once or from there on, and not when nothing is armed") {
  CHECK(steps(3) == std::vector<int>{0, 0, 0});
  {
    const fault::Armed armed("write=2");
    CHECK(steps(4) == std::vector<int>{0, ENOSPC, 0, 0});
    CHECK(fault::writes() == 4);
    fault::at_job();
  }
  {
    const fault::Armed armed("write=3+,memory=2");
    CHECK(steps(4) == std::vector<int>{0, 0, ENOSPC, ENOSPC});
    fault::at_job();
    CHECK_THROWS_AS(fault::at_job(), std::bad_alloc);
    fault::at_job();
  }
  {
    const fault::Armed armed("actor=lane:2,write=1");
    fault::at_message("server");
    fault::at_message("lane");
    CHECK_THROWS_WITH(fault::at_message("lane"), "AFU_FAULT: message 2 of a lane");
    fault::at_message("lane");
    CHECK(fault::messages() == 3);
    CHECK(steps(2) == std::vector<int>{ENOSPC, 0});
  }
  fault::at_message("lane");
  CHECK(steps(3) == std::vector<int>{0, 0, 0});
}

TEST_CASE("what AFU_FAULT cannot mean is refused with what is allowed") {
  for (const char* what :
       {"write", "write=", "write=0", "write=-1", "write=2x", "disk=1", "write=1,,kill=2", "+", "actor=1",
        "actor=lane", "actor=lane:", "actor=lane:0", "actor=clown:1", "actor:lane=1"})
    CHECK_THROWS_WITH_AS(fault::Armed{what}, doctest::Contains("allowed: write=N, kill=N, memory=N"),
                         afu::InputError);
}

TEST_CASE(
    "wherever writing a file at once fails, the old one stays, nothing lies beside it, and the message names it") {
  TemporaryFolder tmp;
  const auto write = [&](const fs::path& file, bool archive) {
    const float one = 1;
    if (archive)
      write_npz(file, {{"a", 'f', sizeof one, {1}, &one}});
    else
      write_whole(file, "new");
  };
  for (const bool archive : {false, true}) {
    const auto file = tmp / (archive ? "a.npz" : "a.txt");
    std::uint64_t n = 1;
    for (bool failed = true; failed; ++n) {
      CAPTURE(n);
      write_text(file, "old");
      const fault::Armed armed("write=" + std::to_string(n));
      try {
        write(file, archive);
        failed = false;
        CHECK(fault::writes() == n - 1);
        CHECK(text_of(file) != "old");
      } catch (const std::runtime_error& e) {
        CHECK(e.what() == "cannot write '" + file.string() + "': No space left on device");
        // Once it has its name it is whole: what failed then is the folder's entry.
        if (text_of(file) != "old") CHECK(n > 3);
      }
      CHECK_FALSE(fs::exists(file.string() + ".part"));
    }
    CHECK(n > 4);
  }
}

TEST_CASE(
    "a log whose writing fails has whole records but for the last block, and every later call says so") {
  TemporaryFolder tmp;
  const fault::Armed armed("write=3");
  OutputFile log(tmp / "log");
  const auto append = [&](const char* text) { log.buffer().append(text, text + 5); };
  append("1111\n");
  log.flush();
  append("2222\n");
  const auto why = doctest::Contains("log': No space left on device");
  CHECK_THROWS_WITH_AS(log.flush(), why, std::runtime_error);
  CHECK_THROWS_WITH_AS(log.flush(), why, std::runtime_error);
  CHECK_THROWS_WITH_AS(log.close(), why, std::runtime_error);
  CHECK(text_of(tmp / "log") == "1111\n22");
}
