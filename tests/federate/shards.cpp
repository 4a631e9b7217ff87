// The server without actors: a ledger by shard, and requests for parts of a client.
#include "server.hpp"

using namespace afu;
using namespace afu::federate;
using test::Server;

namespace {

const char* settings = R"(
[training]
server_lr = 1
staleness = "constant"
weight_by_samples = false
shards = 3
[unlearning]
method = "afu_ic"
[unlearning.afu_ic]
publish = "at_once"
)";

std::string part(int at, int client = 0) {
  return "[[erasure]]\nclient = " + std::to_string(client) +
         "\nscope = \"samples\"\nfraction = 0.1\nat_update = " + std::to_string(at) + "\n";
}

std::vector<std::string> uncalibrated(std::vector<std::string> set) {
  set.insert(set.end(), {"calibration.steps=0", "calibration.window_steps=0"});
  return set;
}

/// Every client has rows 0 to 100 in three shards.
struct Shards : Server {
  Shards(const std::string& requests, std::vector<data::IndicesPtr> forget,
         const std::vector<std::string>& set = {})
      : Server(settings + requests, uncalibrated(set), false, std::move(forget), {100, 100, 100, 100},
               "logreg",
               std::vector<std::vector<data::IndicesPtr>>(
                   4, {test::rows(0, 30), test::rows(30, 60), test::rows(60, 100)})) {}

  /// Parts of 1, 2 and 4.
  Update parts_of(std::uint32_t client) {
    const auto t = tasks.at(client);
    Update u{client, t.job, t.version, t.epoch, 100, 100, vector(7), nullptr};
    u.parts = {vector(1), vector(2), vector(4)};
    return u;
  }
  void train(std::uint32_t client) { take(parts_of(client)); }
  /// The unlearner's answer to the last erasure.
  void erase(std::uint32_t request) {
    take(EraseResult{request, std::make_shared<job::JobResult>(lane.run(*erasures.back().job))});
  }
  const record::ErasureRecord& record(std::size_t request) {
    outcome = server->outcome();
    return outcome.erasures.at(request).record;
  }
  Outcome outcome;
};

}  // namespace

TEST_CASE("a request for a part takes out the shards that hold some of it, and the others stay") {
  Shards s(part(3), {test::rows(35, 40)});
  s.train(0), s.train(1), s.train(0);
  CHECK(s.model() == 21);
  REQUIRE(s.erasures.size() == 1);
  s.erase(0);
  CHECK(s.model() == 21 - 4);  // twice the second shard's
  CHECK(s.record(0).forgotten_at);
  CHECK(s.tasks.at(0).honours == 1);  // it goes on without the rows
  s.train(0);
  CHECK(s.model() == 24);
}

TEST_CASE("rows of several shards take all of these, a whole client all of its") {
  Shards two(part(1), {test::rows(25, 35)});
  two.train(0);
  two.erase(0);
  CHECK(two.model() == 4);
  Shards whole("[[erasure]]\nclient = 0\nat_update = 2\n", {test::rows(0, 100)});
  whole.train(0), whole.train(1);
  whole.erase(0);
  CHECK(whole.model() == 7);
}

TEST_CASE(
    "two requests of one client, one after the other, take each its shards with what they have gained since") {
  Shards s(part(1) + part(2), {test::rows(35, 40), test::rows(70, 75)});
  s.train(0);
  s.erase(0);
  CHECK(s.model() == 5);
  s.train(0);  // and asks again
  CHECK(s.model() == 12);
  REQUIRE(s.erasures.size() == 2);
  s.erase(1);
  CHECK(s.model() == 12 - 8);  // twice the third shard's
  CHECK(s.record(1).forgotten_at);
  CHECK(s.tasks.at(0).honours == 3);
}

TEST_CASE("two requests of one client at once: the second waits, and takes what is left of its shards") {
  Shards s(part(1) + part(1), {test::rows(35, 40), test::rows(40, 65)});
  s.train(0);
  REQUIRE(s.erasures.size() == 1);
  s.erase(0);
  CHECK(s.model() == 5);
  REQUIRE(s.erasures.size() == 2);
  s.erase(1);
  CHECK(s.model() == 1);  // of the second shard nothing was left
}

TEST_CASE("a second request for the same shard finds nothing to take before its client has trained again") {
  Shards s(part(1) + part(2) + "[[erasure]]\nclient = 0\nat_update = 3\n",
           {test::rows(35, 40), test::rows(40, 45), test::rows(0, 100)});
  s.train(0);
  s.erase(0);
  s.train(1);  // the second one comes
  CHECK(s.erasures.size() == 1);
  CHECK(s.record(1).forgotten_at);
  CHECK(s.model() == 12);
  s.train(2);  // the third one: the other shards are still in the ledger
  REQUIRE(s.erasures.size() == 2);
  s.erase(2);
  CHECK(s.model() == 14);
}

TEST_CASE("what the target sends between its request and its return is not merged") {
  for (const char* late : {"accept", "drop", "rebase"}) {
    CAPTURE(std::string(late));
    Shards s(part(2), {test::rows(0, 5)}, {std::string("unlearning.late=\"") + late + "\""});
    s.train(0);
    const auto old = s.parts_of(0);
    const auto others = s.parts_of(2);
    s.train(1);  // and client 0 asks
    s.take(old);
    CHECK(s.model() == 14);
    s.erase(0);
    CHECK(s.model() == 13);
    s.take(old);  // once more, after its return
    CHECK(s.model() == 13);
    s.take(others);  // late
    CHECK(s.model() == (late == std::string("drop") ? 13 : 20));
  }
}

TEST_CASE("updates accepted while the erasure is on its way are in the ledger of their shards") {
  Shards s(part(2) + part(3, 1), {test::rows(0, 5), test::rows(65, 70)});
  s.train(0), s.train(1);
  s.train(1);  // before the first erasure is merged; and asks
  REQUIRE(s.erasures.size() == 2);
  CHECK(s.model() == 21);
  s.take(EraseResult{1, std::make_shared<job::JobResult>(s.lane.run(*s.erasures[1].job))});
  CHECK(s.model() == 21 - 8);
  s.take(EraseResult{0, std::make_shared<job::JobResult>(s.lane.run(*s.erasures[0].job))});
  CHECK(s.model() == 12);
}

TEST_CASE("a buffer's updates are kept by shard, and old ones decay") {
  Shards s(part(4), {test::rows(30, 35)},
           {"training.rule=\"fedbuff\"", "training.buffer_size=2", "unlearning.afu_ic.ledger_decay=0.5"});
  s.train(0), s.train(1);
  CHECK(s.model() == 7);  // each counts a half
  s.train(0), s.train(1);
  s.erase(0);
  CHECK(s.model() == 14 - 1.5);  // a half of the first, and the second
}

TEST_CASE("whoever asks for samples in every shard is told that all is taken out") {
  const auto notes_of = [](const data::IndicesPtr& asked) {
    auto scenario = std::make_shared<config::Scenario>();
    scenario->erasures.resize(1);
    scenario->erasures[0].client = 0;
    scenario->erasures[0].scope = config::Scope::samples;
    Setup setup;
    setup.scenario = scenario;
    setup.samples = {100};
    setup.forget = {asked};
    setup.shards = {{test::rows(0, 30), test::rows(30, 60), test::rows(60, 100)}};
    setup.vectors_sent = 3;
    return shard_notes(setup);
  };
  CHECK(notes_of(test::rows(0, 10)).empty());
  const auto told = notes_of(test::rows(20, 70));
  REQUIRE(told.size() == 1);
  CHECK(
      told[0] ==
      "erasure[0] is of samples in every shard of client/0: all that the client has contributed is taken out");
}
