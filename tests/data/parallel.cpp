#include "data/parallel.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <system_error>

using afu::data::parallel_for;

TEST_CASE("where the system grants no more threads the others do the work") {
  for (const int granted : {0, 1, 3}) {
    CAPTURE(granted);
    int started = 0;
    const auto start = [&](const auto& work) {
      if (started == granted)
        throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
      ++started;
      return std::thread(work);
    };
    std::vector<std::atomic<int>> seen(1000);
    parallel_for(
        1000, [&](std::int64_t i) { ++seen[static_cast<std::size_t>(i)]; }, 8, start);
    CHECK(started == granted);
    for (const auto& n : seen) CHECK(n == 1);
  }
}

TEST_CASE("the exception of the smallest item is thrown, however many threads there are") {
  for (const int cores : {1, 2, 8}) {
    std::string what;
    try {
      parallel_for(
          1000,
          [](std::int64_t i) {
            if (i == 700 || i == 300 || i == 999) throw std::runtime_error(std::to_string(i));
          },
          cores, [](const auto& work) { return std::thread(work); });
    } catch (const std::runtime_error& e) {
      what = e.what();
    }
    CHECK(what == "300");
  }
  int calls = 0;
  parallel_for(0, [&](std::int64_t) { ++calls; });
  CHECK(calls == 0);
}
