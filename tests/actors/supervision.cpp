#include <atomic>
#include <caf/all.hpp>
#include <chrono>

#include "support.hpp"

using namespace afu;
using namespace afu::test;

namespace {
/// Sends a crash as soon as the run shows progress.
struct Saboteur {
  actors::federation_actor federation;
  caf::actor_system* system = nullptr;
  bool done = false;
  record::NodeId node;
  explicit Saboteur(record::NodeId n) : node(n) {}
  actors::RunOptions options() {
    actors::RunOptions o;
    o.on_start = [this](const actors::federation_actor& f, caf::actor_system& s) {
      federation = f, system = &s;
    };
    o.progress = [this](const actors::Progress& p) {
      if (p.updates < 3 || done) return;
      done = true;
      caf::anon_send(federation, atom::crash_v, node, std::string{});
    };
    return o;
  }
};
const std::vector<std::string> slowly{"scenario.clock=wall", "scenario.time_scale=0.1"};
}  // namespace

namespace {
const std::vector<std::string> timing{"scenario.execute=timing", "data.backdoor.trigger=none",
                                      "heterogeneity.network.latency_seconds=0",
                                      "heterogeneity.compute.slowdown=1"};
std::vector<std::string> timing_and(std::vector<std::string> more) {
  more.insert(more.begin(), timing.begin(), timing.end());
  return more;
}
}  // namespace

TEST_CASE("jobs that take no time are refused before the run begins") {
  bool begun = false;
  actors::RunOptions options;
  options.prepared = [&] { begun = true; };
  CHECK_THROWS_WITH_AS(play(small,
                            timing_and({"heterogeneity.compute.seconds_per_sample=1e-320",
                                        "heterogeneity.compute.slowdown=1e-9"}),
                            options),
                       doctest::Contains("a job of client 0 takes 0 s"), InputError);
  CHECK_THROWS_WITH_AS(play(small,
                            timing_and({"heterogeneity.compute.seconds_per_sample=1e-15", "stop.updates=0",
                                        "stop.seconds=10"}),
                            options),
                       doctest::Contains("stop.seconds: 10 s are about"), InputError);
  CHECK_FALSE(begun);
}

TEST_CASE("a clock that does not go on ends the run, with who keeps it") {
  // From t = 1e9 s on, where a job of 1e-9 s adds nothing to the time.
  const auto trace =
      std::filesystem::temp_directory_path() / ("afu-late-" + std::to_string(::getpid()) + ".csv");
  {
    std::ofstream out(trace);
    for (int c = 0; c < 6; ++c) out << c << ",1e9,2e9\n";
  }
  const auto p = play(small, timing_and({"heterogeneity.compute.seconds_per_sample=1e-11",
                                         "stop.updates=10000000", "heterogeneity.availability.model=trace",
                                         "heterogeneity.availability.path=" + trace.string()}));
  std::filesystem::remove(trace);
  CHECK(p.result.report.failure.find("the clock does not go on: 100096 events at 1000000000 s") !=
        std::string::npos);
  CHECK(p.result.report.failure.find("client/") != std::string::npos);
}

TEST_CASE("a run that is asked twice to end does not measure any more, and keeps what it has") {
  std::atomic<bool> interrupt{false}, hurry{false};
  actors::RunOptions options;
  options.interrupt = &interrupt;
  options.hurry = &hurry;
  options.progress = [&](const actors::Progress& p) {
    if (p.updates >= 20) interrupt = hurry = true;
  };
  const auto p = play(small, {"stop.updates=100000"}, options);
  CHECK(p.result.summary.ended == "interrupted");
  CHECK(p.result.report.failure == "");
  CHECK(p.result.summary.updates >= 20);
  CHECK(p.result.report.outcome.model);
  CHECK(p.log.size() > 60);
}

TEST_CASE("a log is in its file about a second after it was made, while the run goes on") {
  const auto file = std::filesystem::temp_directory_path() / ("afu-flushed-" + std::to_string(::getpid()));
  std::atomic<bool> interrupt{false};
  std::uintmax_t seen = 0;
  const auto began = std::chrono::steady_clock::now();
  actors::RunOptions options;
  options.interrupt = &interrupt;
  options.files.trace = file.string();
  options.progress = [&](const actors::Progress&) {
    const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    std::error_code ignored;
    const auto size = std::filesystem::file_size(file, ignored);
    if (!ignored) seen = size;
    if (seen > 0 || seconds > 30) interrupt = true;
  };
  // Ten events a second: the 64 KiB of a block would take minutes.
  play(small, {"scenario.clock=wall", "stop.updates=100000"}, options);
  std::filesystem::remove(file);
  CHECK(seen > 0);
  CHECK(seen < 60'000);
}

TEST_CASE("a client whose actor dies is named and replaced") {
  Saboteur saboteur(record::first_client_node + 2);
  const auto p = play(small, slowly, saboteur.options());
  saboteur.federation = nullptr;
  CHECK(p.result.report.failure == "");
  CHECK(p.result.summary.ended == "completed");
  REQUIRE(p.result.report.replaced.size() == 1);
  CHECK(p.result.report.replaced[0].client == "client/2");
  bool dropped = false;
  for (const auto& e : p.log)
    dropped = dropped || (e.contains("event") && e["event"] == "dropped" && e["from"] == "client/2");
  CHECK(dropped);
}

TEST_CASE("the server's death ends the run with its name and what was recorded") {
  Saboteur saboteur(record::server_node);
  const auto p = play(small, slowly, saboteur.options());
  saboteur.federation = nullptr;
  CHECK(p.result.report.failure.find("server") != std::string::npos);
  CHECK(p.result.summary.ended.rfind("failed: ", 0) == 0);
  CHECK(p.log.size() > 3);
}
