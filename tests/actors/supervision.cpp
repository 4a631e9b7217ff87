#include <caf/all.hpp>

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
      caf::anon_send(federation, atom::crash_v, node);
    };
    return o;
  }
};
const std::vector<std::string> slowly{"scenario.clock=wall", "scenario.time_scale=0.1"};
}  // namespace

TEST_CASE("a client whose actor dies is named and replaced") {
  Saboteur saboteur(record::first_client_node + 2);
  const auto p = play(small, slowly, saboteur.options());
  saboteur.federation = nullptr;
  CHECK(p.result.report.failure == "");
  CHECK(p.result.summary.ended == "completed");
  REQUIRE(p.result.report.replaced.size() == 1);
  CHECK(p.result.report.replaced[0] == "client/2");
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
