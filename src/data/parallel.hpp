#pragma once
/// A loop over independent items on all cores, for loading and generating images.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "base/limits.hpp"

namespace afu::data {

/// Calls body(i) for every i in [0, n). Where bodies throw, the exception of the smallest such i is thrown:
/// the same one however many cores there are. Where the system grants fewer threads than there are cores, the
/// others do the work: the calling one alone where it grants none.
/// `start`: makes a thread of a function, as std::thread's constructor does; for tests.
template <class Body, class Start>
void parallel_for(std::int64_t n, const Body& body, std::int64_t cores, const Start& start) {
  constexpr std::int64_t chunk = 64;
  const auto workers = std::min(std::max<std::int64_t>(1, cores), (n + chunk - 1) / chunk);
  std::atomic<std::int64_t> next{0};
  std::mutex mutex;
  std::int64_t failed_at = n;
  std::exception_ptr failure;
  const auto work = [&] {
    for (std::int64_t from; (from = next.fetch_add(chunk)) < n;)
      for (auto i = from; i < std::min(n, from + chunk); ++i) try {
          body(i);
        } catch (...) {
          const std::lock_guard<std::mutex> lock(mutex);
          if (i < failed_at) {
            failed_at = i;
            failure = std::current_exception();
          }
          next = n;  // later chunks cannot hold a smaller i
          break;
        }
  };
  std::vector<std::thread> threads;
  threads.reserve(static_cast<std::size_t>(std::max<std::int64_t>(0, workers - 1)));
  for (std::int64_t t = 1; t < workers; ++t) try {
      threads.push_back(start(work));
    } catch (const std::exception&) {
      break;  // system_error: a limit on threads; bad_alloc: no memory for one
    }
  work();
  for (auto& t : threads) t.join();
  if (failure) std::rethrow_exception(failure);
}

template <class Body>
void parallel_for(std::int64_t n, const Body& body) {
  parallel_for(n, body, base::processors(), [](const auto& work) { return std::thread(work); });
}

}  // namespace afu::data
