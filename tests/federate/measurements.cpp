#include "federate/measurements.hpp"

#include "alone.hpp"

using namespace afu;
using federate::Measurements;
using federate::Progress;

namespace {

config::EvaluationSection every(std::int64_t updates, std::int64_t dense = 0) {
  config::EvaluationSection s;
  s.every_updates = updates;
  s.dense_updates = dense;
  return s;
}

Progress at(std::uint64_t version, std::uint64_t updates) {
  Progress p;
  p.model = test::token();
  p.version = version;
  p.updates = updates;
  p.now = 0.5 * static_cast<double>(version);
  return p;
}

}  // namespace

TEST_CASE("measurements: a version is due whenever so many updates have passed, however many it merges") {
  Measurements m(every(4));
  CHECK_FALSE(m.due(at(1, 3)));
  CHECK(m.due(at(2, 5)));
  CHECK(m.due(at(3, 7)));  // still: nothing was measured
  CHECK(m.measure(at(3, 7), "training"));
  CHECK_FALSE(m.due(at(4, 7)));
  CHECK(m.due(at(5, 8)));
  CHECK_FALSE(Measurements(every(0)).due(at(9, 100)));
}

TEST_CASE("measurements: after an erasure versions are looked at closely") {
  Measurements m(every(0, 2));
  m.watch_closely(at(5, 10));
  CHECK(m.due(at(5, 10)));
  CHECK(m.due(at(7, 12)));
  CHECK_FALSE(m.due(at(8, 13)));
}

TEST_CASE("measurements: a version is told once while training, and to every request that finds it") {
  Measurements m(every(4));
  const auto first = m.measure(at(3, 4), "training");
  REQUIRE(first);
  CHECK(first->row.version == 3);
  CHECK(first->row.updates == 4);
  CHECK(first->row.time == 1.5);
  CHECK(first->row.phase == "training");
  CHECK_FALSE(first->before_erasure);
  CHECK_FALSE(m.measure(at(3, 4), "training"));
  CHECK(m.measure(at(3, 4), "erasing"));
  const auto found = m.measure(at(3, 4), "erasing", 1);
  REQUIRE(found);
  CHECK(found->request == 1);
  CHECK(found->before_erasure);
  CHECK_FALSE(m.measure(at(3, 4), "erasing", 0)->before_erasure);  // the second to ask
}

TEST_CASE("measurements: a new lineage counts its own updates; a timing-only run measures nothing") {
  Measurements m(every(10));
  CHECK(m.measure(at(30, 30), "training"));
  m.begin_again(at(31, 2));
  CHECK_FALSE(m.due(at(32, 9)));
  CHECK(m.due(at(33, 10)));
  auto timing = at(34, 20);
  timing.model = nullptr;
  CHECK_FALSE(m.measure(timing, "training", 0));
  CHECK(m.measure(at(35, 20), "training", 0)->before_erasure);
}
