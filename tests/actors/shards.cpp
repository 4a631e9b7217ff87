// Federations whose clients train on shards, through the real actors.
#include "config/scenario.hpp"

#include <algorithm>

#include "sittings.hpp"

using namespace afu;
using namespace afu::test;

namespace {

/// Two parts of client 0, one after the other.
const std::string two_parts =
    std::string(small) +
    "[[erasure]]\nclient = 0\nscope = \"samples\"\nfraction = 0.05\nat_update = 28\n"
    "[[erasure]]\nclient = 2\nat_update = 30\n";
const std::vector<std::string> first{"erasure[0].scope=samples", "erasure[0].fraction=0.05",
                                     "stop.updates=60", "data.backdoor.trigger=none", "training.shards=4"};

std::vector<std::string> with(std::vector<std::string> set, const std::vector<std::string>& more) {
  set.insert(set.end(), more.begin(), more.end());
  return set;
}

}  // namespace

TEST_CASE("with shards neither the log nor the model depend on the number of lanes") {
  for (const char* network : {"model.name=logreg", "model.name=cnn_small"}) {
    const auto one = play(two_parts, with(first, {network, "compute.lanes=1"}));
    const auto three = play(two_parts, with(first, {network, "compute.lanes=3"}));
    CHECK(one.result.report.failure == "");
    REQUIRE(one.result.summary.erasures.size() == 3);
    for (const auto& e : one.result.summary.erasures) CHECK(e.forgotten_at);
    CHECK(one.text == three.text);
    CHECK(one.result.summary.model_sha256 == three.result.summary.model_sha256);
  }
}

TEST_CASE("every method that serves a part serves it where clients train on shards") {
  for (const auto& m : methods::methods()) {
    const auto& scopes = m.traits.scopes;
    if (std::find(scopes.begin(), scopes.end(), methods::Scope::samples) == scopes.end()) continue;
    if (m.name == "fedau" || m.name == "federaser") continue;  // which refuse them
    CAPTURE(m.name);
    const auto p = play(small, with(first, {"unlearning.method=" + m.name, "stop.updates=40"}));
    CHECK(p.result.report.failure == "");
    CHECK(p.result.summary.erasures.at(0).requested_at);
  }
}

TEST_CASE("with a ledger by shard everybody's upload is as many models long, and nobody's without") {
  const auto bytes = [](const Played& p, const std::string& kind) {
    std::set<std::uint64_t> all;
    for (const auto& e : p.log)
      if (e.contains("event") && e["event"] == kind) all.insert(e["bytes"].get<std::uint64_t>());
    REQUIRE(all.size() == 1);
    return *all.begin() - 64;
  };
  const auto kept = play(small, with(first, {"stop.updates=20"}));
  const auto model = bytes(kept, "train_task");
  CHECK(bytes(kept, "update") == 4 * model);
  const auto none = play(small, with(first, {"stop.updates=20", "unlearning.method=none"}));
  CHECK(bytes(none, "update") == model);
  const auto timing = play(small, with(first, {"stop.updates=20", "scenario.execute=timing"}));
  CHECK(bytes(timing, "update") == 4 * model);
}

TEST_CASE("before anybody asks, training on shards is the same whatever the method keeps") {
  std::string late = small;
  const std::string at = "at_update = 18";
  late.replace(late.find(at), at.size(), "at_seconds = 100000");
  const auto until = with(first, {"stop.updates=29", "evaluation.attacks=none"});
  const auto afu = play(late, until);
  const auto none = play(late, with(until, {"unlearning.method=none"}));
  CHECK(afu.result.report.failure == "");
  CHECK(afu.result.summary.model_sha256 == none.result.summary.model_sha256);
  const auto whole = play(late, with(until, {"training.shards=1"}));
  CHECK(afu.result.summary.model_sha256 != whole.result.summary.model_sha256);
}

TEST_CASE("a run with a ledger by shard that was stopped goes on to the same bytes") {
  device::prepare_process();
  const auto s = config::parse_scenario(two_parts, "test.toml", first, methods::method_sections());
  const Place whole("shards-whole");
  const auto undisturbed = sit(whole, s);
  CHECK(undisturbed.failure == "");
  for (const std::uint64_t updates : {12u, 20u, 29u, 33u}) {
    CAPTURE(updates);
    const Place place("shards-again");
    interrupt(place, s, updates);
    auto other = s;
    other.compute.lanes = 3;
    const auto again = sit(place, other);
    check_same(again, undisturbed);
    CHECK(again.resumed == 1);
  }
}

TEST_CASE("clients with fewer samples than shards are told") {
  const auto p =
      play(small, with(first, {"data.train_samples=120", "training.shards=64", "stop.updates=24"}));
  CHECK(p.result.report.failure == "");
  bool told = false;
  for (const auto& w : p.result.warnings)
    told = told || w.find("training.shards: client ") != std::string::npos;
  CHECK(told);
}
