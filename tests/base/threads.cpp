#include "base/threads.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <atomic>
#include <fstream>

#include "../record/temporary_folder.hpp"

using namespace afu::base;

namespace {

std::int64_t mapped_bytes() {
  std::ifstream in("/proc/self/statm");
  std::int64_t pages = 0;
  in >> pages;
  return pages * 4096;
}

/// As `ulimit -v`, for `more` bytes beyond what is mapped now.
struct AddressSpace {
  rlimit before{};
  explicit AddressSpace(std::int64_t more) {
    getrlimit(RLIMIT_AS, &before);
    auto limit = before;
    limit.rlim_cur = static_cast<rlim_t>(mapped_bytes() + more);
    REQUIRE(setrlimit(RLIMIT_AS, &limit) == 0);
  }
  ~AddressSpace() { setrlimit(RLIMIT_AS, &before); }
};

}  // namespace

TEST_CASE("threads that can be started at once pass, and have ended then") {
  CHECK_NOTHROW(require_threads(0));
  CHECK_NOTHROW(require_threads(12));
}

// The sanitizers' shadow memory does not fit into any limit.
#ifndef __SANITIZE_ADDRESS__
TEST_CASE("threads that cannot be started at once are refused with the reason") {
  const AddressSpace limit(std::int64_t{200} << 20);  // a thread's stack takes 8 MiB of it
  try {
    require_threads(200);
    FAIL("no error");
  } catch (const ThreadError& e) {
    const std::string text = e.what();
    CHECK(text.rfind("200 threads are needed, of which ", 0) == 0);
    CHECK(text.find("Resource temporarily unavailable") != std::string::npos);
    CHECK(text.find("ulimit -v is ") != std::string::npos);
  }
  CHECK_NOTHROW(require_threads(2));
}

TEST_CASE("where a thread cannot be started, those before it go on and are joined") {
  std::atomic<int> ran{0};
  int started = 0;
  {
    JoinedThreads threads;
    const AddressSpace limit(std::int64_t{200} << 20);
    std::atomic<bool> over{false};
    try {
      for (; started < 200; ++started)
        threads.start([&] {
          while (!over) std::this_thread::yield();
          ++ran;
        });
    } catch (const ThreadError&) {
    }
    over = true;
    threads.join();
  }
  CHECK(started > 0);
  CHECK(started < 200);
  CHECK(ran == started);
}
#endif

TEST_CASE("the limits that may refuse a thread are named") {
  const afu::test::TemporaryFolder root;
  CHECK(thread_limits(root.path()).empty());
  const auto write = [&](const std::string& file, const std::string& text) {
    std::filesystem::create_directories((root / file).parent_path());
    afu::test::write_text(root / file, text);
  };
  write("proc/self/cgroup", "8:pids:/b/c\n");
  write("proc/self/mountinfo", "36 31 0:33 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n");
  write("sys/fs/cgroup/pids/b/c/pids.max", "max\n");
  write("sys/fs/cgroup/pids/b/pids.max", "8\n");
  write("proc/self/limits",
        "Max processes             96365                96365                processes\n"
        "Max address space         unlimited            unlimited            bytes\n");
  CHECK(thread_limits(root.path()) ==
        "the control group /sys/fs/cgroup/pids/b allows 8 processes and threads; ulimit -u is 96365");
}
