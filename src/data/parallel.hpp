#pragma once
/// A loop over independent items on all cores, for loading and generating images.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "host/limits.hpp"

namespace afu::data {

/// Calls body(i) for every i in [0, n). Where bodies throw, the exception of the smallest such i is thrown:
/// the same one however many cores there are.
template <class Body>
void parallel_for(std::int64_t n, const Body& body) {
  constexpr std::int64_t chunk = 64;
  const auto workers = std::min(host::processors(), (n + chunk - 1) / chunk);
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
  for (std::int64_t t = 1; t < workers; ++t) threads.emplace_back(work);
  work();
  for (auto& t : threads) t.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace afu::data
