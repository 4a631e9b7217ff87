#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "support.hpp"

using namespace afu;
using namespace afu::test;

namespace {

struct Traced {
  Played played;
  std::vector<std::string> lanes;  ///< what lanes did, in order of their trace
};

Traced traced(std::vector<std::string> set) {
  const auto file = std::filesystem::temp_directory_path() / ("afu-test-trace-" + std::to_string(::getpid()));
  actors::RunOptions options;
  options.files.trace = file.string();
  set.insert(set.end(), {"compute.deterministic=false", "model.name=mlp"});
  Traced t;
  t.played = play(small, set, options);
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  std::filesystem::remove(file);
  const auto trace = nlohmann::json::parse(text.str());
  for (const auto& e : trace)
    if (e.contains("name")) t.lanes.push_back(e["name"]);
  return t;
}

std::size_t count(const Traced& t, const std::string& name) {
  return static_cast<std::size_t>(std::count(t.lanes.begin(), t.lanes.end(), name));
}

}  // namespace

TEST_CASE("clients that lanes step together make the same run, up to rounding") {
  for (const char* rule : {"training.rule=fedavg", "training.rule=async_delta"}) {
    CAPTURE(std::string(rule));
    const auto alone = traced({rule, "compute.lanes=1"});
    REQUIRE(alone.played.result.report.failure == "");
    CHECK(count(alone, "train 6 clients") == 0);
    const auto events = [](const Played& p) {  // figures aside
      std::vector<std::string> seen;
      for (const auto& e : p.log)
        if (e.contains("event")) seen.push_back(e.dump());
      return seen;
    };
    for (const char* lanes : {"compute.lanes=1", "compute.lanes=2"}) {
      const auto together = traced({rule, lanes, "compute.batched_clients=8"});
      REQUIRE(together.played.result.report.failure == "");
      CHECK(together.played.result.summary.ended == "completed");
      CHECK(events(together.played) == events(alone.played));
      int batches = 0;  // of how many clients each is depends on who was there when a lane came free
      for (int n = 2; n <= 6; ++n)
        batches += static_cast<int>(count(together, "train " + std::to_string(n) + " clients"));
      CHECK(batches > 0);
      const auto a = alone.played.result.summary.final, b = together.played.result.summary.final;
      CHECK(*b.test_accuracy == doctest::Approx(*a.test_accuracy).epsilon(0.05));
    }
  }
}

TEST_CASE("the wall clock does not keep clients waiting for others") {
  const auto t = traced(
      {"scenario.clock=wall", "scenario.time_scale=0.02", "compute.lanes=1", "compute.batched_clients=8"});
  REQUIRE(t.played.result.report.failure == "");
  CHECK(t.played.result.summary.ended == "completed");
}

TEST_CASE("a probe at the start says how many clients are stepped together") {
  const auto t = traced({"compute.batched_clients=0", "compute.lanes=1"});
  REQUIRE(t.played.result.report.failure == "");
  const auto& notes = t.played.result.notes;
  const auto about = [](const std::string& note) {
    return note.find("a probe of") != std::string::npos && note.find("1 client: ") != std::string::npos &&
           note.find(", 4 clients: ") != std::string::npos && note.find("16 clients") == std::string::npos;
  };
  CHECK(std::count_if(notes.begin(), notes.end(), about) == 1);
  const auto few = traced({"compute.batched_clients=0", "compute.lanes=2"});
  CHECK(std::count(few.played.result.notes.begin(), few.played.result.notes.end(),
                   "clients train one after the other: there are fewer than 4 a lane at a time") == 1);
}
