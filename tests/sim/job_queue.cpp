#include "sim/job_queue.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <vector>

#include "base/random.hpp"

using namespace afu::base;
using namespace afu::sim;

TEST_CASE("jobs run by (completion, sequence), at most `bound` unjoined") {
  JobQueue q(2);
  q.push(10, 5.0, 1);
  q.push(11, 3.0, 2);
  q.push(12, 3.0, 0);
  CHECK(q.next() == 12);
  CHECK(q.next() == 11);
  CHECK_FALSE(q.next());
  q.finished(12);
  CHECK_FALSE(q.next());  // finished is not joined
  q.joined(12);
  CHECK(q.next() == 10);
  CHECK(q.queued() == 0);
  CHECK(q.unjoined() == 2);
}

TEST_CASE("an urgent job is given out whatever the bound, before all others") {
  JobQueue q(1);
  for (std::uint64_t id = 0; id < 4; ++id) q.push(id, static_cast<double>(id), id);
  CHECK(q.next() == 0);
  CHECK_FALSE(q.next());
  q.urge(3);
  q.urge(2);
  q.urge(0);  // running: nothing to do
  CHECK(q.next() == 2);
  CHECK(q.next() == 3);
  CHECK_FALSE(q.next());
  CHECK(q.unjoined() == 3);
  q.urge(2);
  CHECK_FALSE(q.next());
}

TEST_CASE("front is what next gives out") {
  JobQueue q(2);
  CHECK_FALSE(q.front());
  for (JobQueue::Id id = 0; id < 4; ++id) q.push(id, 10.0 - static_cast<double>(id), id);
  CHECK(q.front() == 3);
  CHECK(q.next() == 3);
  CHECK_FALSE(q.urgent());
  q.urge(0);
  CHECK(q.urgent());
  CHECK(q.front() == 0);
  CHECK(q.next() == 0);
  CHECK_FALSE(q.urgent());
  CHECK_FALSE(q.front());  // two are unjoined
  CHECK(q.queued() == 2);
}

TEST_CASE("cancelling in every state") {
  JobQueue q(3);
  for (std::uint64_t id = 0; id < 5; ++id) q.push(id, static_cast<double>(id), id);
  q.next();
  q.next();
  q.finished(0);
  CHECK(q.cancel(4));        // queued
  CHECK_FALSE(q.cancel(0));  // finished
  CHECK_FALSE(q.cancel(1));  // running: holds its place until it is finished
  CHECK(q.unjoined() == 1);
  q.finished(1);
  CHECK(q.unjoined() == 0);
  q.urge(3);
  CHECK(q.cancel(3));
  CHECK(q.next() == 2);
  CHECK_FALSE(q.next());
}

TEST_CASE("misuse is a fault of ours and says so") {
  JobQueue q(1);
  CHECK_THROWS_AS(JobQueue(0), std::logic_error);
  q.push(1, 0, 0);
  CHECK_THROWS_AS(q.push(1, 0, 0), std::logic_error);
  CHECK_THROWS_AS(q.finished(1), std::logic_error);
  CHECK_THROWS_AS(q.joined(1), std::logic_error);
  CHECK_THROWS_AS(q.urge(2), std::logic_error);
  q.next();
  CHECK_THROWS_AS(q.joined(1), std::logic_error);
  q.cancel(1);
  CHECK_THROWS_AS(q.cancel(1), std::logic_error);
  CHECK_THROWS_AS(q.joined(1), std::logic_error);
  q.finished(1);
  CHECK_THROWS_AS(q.finished(1), std::logic_error);
}

TEST_CASE("no deadlock: whoever joins in simulated order gets every result, whatever lanes and bound") {
  for (std::uint64_t run = 0; run < 60; ++run) {
    Stream s({1, purpose("job queue"), run, 0});
    std::size_t bound = 1 + s.below(4), lanes = 1 + s.below(3);
    CAPTURE(bound);
    CAPTURE(lanes);
    JobQueue q(bound);
    std::set<std::pair<double, std::uint64_t>> due;  // the simulation's timers
    std::vector<std::uint64_t> running;
    std::set<std::uint64_t> done, cancelled;
    std::size_t lane_peak = 0, most_unjoined = 0;
    std::uint64_t next_id = 0;
    double now = 0;

    auto work = [&] {
      while (running.size() < lanes) {
        auto id = q.next();
        if (!id) break;
        running.push_back(*id);
      }
      lane_peak = std::max(lane_peak, running.size());
      most_unjoined = std::max(most_unjoined, q.unjoined());
    };
    auto finish_one = [&] {  // in any order, as real lanes do
      std::size_t i = s.below(running.size());
      auto id = running[i];
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
      q.finished(id);
      if (!cancelled.count(id)) done.insert(id);
    };

    int joined = 0;
    for (int i = 0; i < 400 || !due.empty(); ++i) {
      if (i < 400 && s.below(2)) {
        double completes = now + s.exponential();
        q.push(next_id, completes, next_id);
        due.emplace(completes, next_id++);
        work();
        continue;
      }
      if (due.empty()) continue;
      if (s.below(10) == 0) {  // somebody's job is not wanted any more
        auto victim = std::next(due.begin(), static_cast<std::ptrdiff_t>(s.below(due.size())));
        auto id = victim->second;
        if (!q.cancel(id)) cancelled.insert(id);
        due.erase(victim);
        work();
        continue;
      }
      auto [time, id] = *due.begin();
      due.erase(due.begin());
      now = time;
      q.urge(id);
      work();
      int steps = 0;
      while (!done.count(id)) {
        REQUIRE_MESSAGE(!running.empty(), "somebody waits and nothing runs");
        REQUIRE(++steps < 1000);
        finish_one();
        work();
      }
      q.joined(id);
      ++joined;
      work();
    }
    CHECK(joined > 100);
    CHECK(lane_peak <= lanes);
    CHECK(most_unjoined <= bound + 1);  // one is waited for at a time
  }
}

TEST_CASE("a job that is given back is given out again, in its old place") {
  JobQueue q(2);
  q.push(10, 1.0, 0), q.push(11, 2.0, 1), q.push(12, 3.0, 2);
  CHECK(q.next() == 10);
  CHECK(q.next() == 11);
  CHECK_FALSE(q.next());
  q.given_back(10);
  CHECK(q.unjoined() == 1);
  CHECK(q.next() == 10);  // before 12, which came later
  CHECK_FALSE(q.next());
  q.finished(10), q.joined(10);
  CHECK(q.next() == 12);
}

TEST_CASE("a job that somebody waits for is still urgent when it is given back") {
  JobQueue q(1);
  q.push(10, 1.0, 0), q.push(11, 2.0, 1);
  CHECK(q.next() == 10);
  q.urge(10);  // it runs
  q.given_back(10);
  CHECK(q.urgent());
  q.urge(11);
  CHECK(q.next() == 10);
  CHECK(q.next() == 11);
  q.given_back(11);
  CHECK(q.next() == 11);  // whatever the bound
}

TEST_CASE("of a job that is given back and was cancelled nothing is left") {
  JobQueue q(1);
  q.push(10, 1.0, 0), q.push(11, 2.0, 1);
  CHECK(q.next() == 10);
  CHECK_FALSE(q.cancel(10));
  q.given_back(10);
  CHECK(q.next() == 11);
  CHECK_THROWS_AS(q.given_back(10), std::logic_error);
  q.finished(11);
  CHECK_THROWS_AS(q.given_back(11), std::logic_error);
}
