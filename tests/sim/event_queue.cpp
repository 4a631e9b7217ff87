#include "sim/event_queue.hpp"

#include "sim/horizon.hpp"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/random.hpp"

using namespace afu::base;
using namespace afu::sim;

TEST_CASE("events come in (time, sequence) order") {
  EventQueue<std::string> q;
  CHECK(q.push(2, "c") == 0);
  q.push(1, "a");
  q.push(1, "b");
  q.push(2, "d");
  CHECK(q.top_time() == 1);
  std::string order;
  while (!q.empty()) order += q.pop().payload;
  CHECK(order == "abcd");
}

TEST_CASE("random interleavings agree with std::multimap") {
  for (std::uint64_t run = 0; run < 20; ++run) {
    Stream s({1, purpose("event queue"), run, 0});
    EventQueue<int> q;
    std::multimap<double, int> reference;  // equal keys stay in the order of insertion
    for (int i = 0; i < 5000; ++i) {
      if (reference.empty() || s.below(100) < (i / 1000 % 2 ? 40u : 60u)) {
        double t = static_cast<double>(s.below(50));  // many ties
        q.push(t, i);
        reference.emplace(t, i);
      } else {
        auto e = q.pop();
        REQUIRE(e.time == reference.begin()->first);
        REQUIRE(e.payload == reference.begin()->second);
        reference.erase(reference.begin());
      }
      REQUIRE(q.size() == reference.size());
    }
  }
}

TEST_CASE("numbers of the caller's own put events ahead of others of their time") {
  EventQueue<std::string> q;
  q.set_next_sequence(100);
  CHECK(q.push(2, "c") == 100);
  q.push(2, 0, "a");
  q.push(2, 1, "b");
  q.push(1, 2, "first");
  CHECK(q.push(2, "d") == 101);
  q.push(2, 500, "e");
  CHECK(q.push(2, "f") == 501);
  std::string order;
  while (!q.empty()) order += q.pop().payload;
  CHECK(order == "firstabcdef");
}

TEST_CASE("payloads are released when taken, and may be move-only") {
  EventQueue<std::unique_ptr<std::shared_ptr<int>>> unique;
  unique.push(1, std::make_unique<std::shared_ptr<int>>());
  CHECK(unique.pop().payload != nullptr);

  EventQueue<std::shared_ptr<int>> q;
  auto held = std::make_shared<int>(3);
  q.push(1, held);
  q.push(2, held);
  q.pop();
  CHECK(held.use_count() == 2);
  q.pop();
  CHECK(held.use_count() == 1);
}

TEST_CASE("never is a time, not-a-number is none") {
  EventQueue<int> q;
  q.push(std::numeric_limits<double>::infinity(), 1);
  q.push(1e300, 2);
  CHECK_THROWS_AS(q.push(std::nan(""), 3), std::invalid_argument);
  CHECK(q.size() == 2);
  CHECK(q.pop().payload == 2);
}

TEST_CASE("waits on the wall clock are bounded, whatever is waited for") {
  using std::chrono::seconds;
  CHECK(bounded_wait(2, 1) == seconds(2));
  CHECK(bounded_wait(2, 0.5) == seconds(1));
  CHECK(bounded_wait(-1, 1) == seconds(0));
  for (double far : {1e4, 1e10, 1e300, std::numeric_limits<double>::infinity()})
    CHECK(bounded_wait(far, 1) == seconds(600));
}
