#include "base/threads.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "base/limits.hpp"

namespace afu::base {
namespace {

/// Threads of this process, as the kernel counts them; -1 where that cannot be read.
std::int64_t threads_now() {
  const auto count = detail::byte_count(detail::field(detail::text_of("/proc/self/status"), "Threads"));
  return count ? *count : -1;
}

}  // namespace

std::string thread_limits(const std::filesystem::path& root) {
  std::vector<std::string> limits;
  detail::for_each_group(root, "pids", [&](const auto& folder, const std::string& name) {
    if (const auto most = detail::byte_count(detail::text_of(folder / "pids.max")))
      limits.push_back(fmt::format("the control group {} allows {} processes and threads", name, *most));
  });
  const auto text = detail::text_of(root / "proc/self/limits");
  if (const auto most = detail::byte_count(detail::field(text, "Max processes")))
    limits.push_back(fmt::format("ulimit -u is {}", *most));
  if (const auto most = detail::byte_count(detail::field(text, "Max address space")))
    limits.push_back(fmt::format("ulimit -v is {} MiB, and each thread needs a stack", *most >> 20));
  return fmt::format("{}", fmt::join(limits, "; "));
}

ThreadError thread_error(const std::system_error& error) {
  const auto limits = thread_limits();
  return ThreadError(fmt::format("a thread cannot be started: {}{}", error.code().message(),
                                 limits.empty() ? "" : " (" + limits + ")"));
}

void require_threads(int count) {
  const auto before = threads_now();
  std::mutex mutex;
  std::condition_variable changed;
  bool over = false;
  std::string refused;
  {
    JoinedThreads threads;
    int started = 0;
    try {
      for (; started < count; ++started)
        threads.start([&] {
          std::unique_lock<std::mutex> lock(mutex);
          changed.wait(lock, [&] { return over; });
        });
    } catch (const ThreadError& e) {
      refused =
          fmt::format("{} threads are needed, of which {} could be started: {}", count, started, e.what());
    }
    const std::lock_guard<std::mutex> lock(mutex);
    over = true;
    changed.notify_all();
  }
  // A joined thread may still count for a moment. Who starts the real ones next must not meet it.
  for (int i = 0; i < 1000 && before > 0 && threads_now() > before; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  if (!refused.empty()) throw ThreadError(refused);
}

}  // namespace afu::base
