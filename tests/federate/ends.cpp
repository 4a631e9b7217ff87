// How a run ends, on the server without actors: requests and what is not finite.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "server.hpp"

using namespace afu;
using namespace afu::federate;
using record::RequestOutcome;
using test::Server;

namespace {

const char* asking = R"(
[training]
server_lr = 1
staleness = "constant"
weight_by_samples = false
[unlearning]
method = "gradient_ascent"
[[erasure]]
client = 0
at_update = 2
)";

const record::ErasureRecord& erasure(const Outcome& o, std::size_t i = 0) { return o.erasures.at(i).record; }

/// An update that is not finite.
void diverge(Server& s, std::uint32_t client) {
  const auto t = s.tasks.at(client);
  Update u{client, t.job, t.version, t.epoch, 100, 100, s.vector(std::nan("")), nullptr};
  u.finite = false;
  s.now += 1;
  s.server->on(s.now, u, s.fx);
}

ResultPtr not_finite(const Server& s) {
  auto r = std::make_shared<job::JobResult>(*s.result(std::nan("")));
  r->not_finite = 0;
  return r;
}

bool decided(const Server& s, record::Decision::Kind kind) {
  return std::any_of(s.decisions.begin(), s.decisions.end(), [&](const auto& d) { return d.kind == kind; });
}

const std::string drop = "training.non_finite=drop";

}  // namespace

TEST_CASE("a request that was never due, or not served, has an outcome and a reason") {
  Server s(asking);
  CHECK(erasure(s.server->outcome()).outcome == RequestOutcome::unserved);
  CHECK(erasure(s.server->outcome()).reason ==
        "the run ended before it was due, after 2 updates; 0 were accepted");
  CHECK_FALSE(erasure(s.server->outcome()).requested_at);
  s.update(1, 1), s.update(2, 1);
  CHECK(erasure(s.server->outcome()).requested_at);
  CHECK(erasure(s.server->outcome()).outcome == RequestOutcome::unserved);
  CHECK(erasure(s.server->outcome()).reason == "the run ended while its erasure was being computed");
  s.take(EraseResult{0, s.result(-0.5)});
  CHECK(erasure(s.server->outcome()).outcome == RequestOutcome::merged);
  CHECK(erasure(s.server->outcome()).reason == "");
}

TEST_CASE("a method that erases nothing refuses") {
  Server s(asking, {"unlearning.method=none"});
  s.update(1, 1), s.update(2, 1);
  CHECK(erasure(s.server->outcome()).outcome == RequestOutcome::refused);
  CHECK(erasure(s.server->outcome()).reason == "the method 'none' erases nothing");
}

TEST_CASE("who asks again shares the outcome of the request that erases it") {
  Server s(asking, {"erasure=[{client=0,at_update=1},{client=0,at_update=2},{client=1,at_update=500}]"});
  s.update(1, 1), s.update(2, 1);
  CHECK(erasure(s.server->outcome(), 1).outcome == RequestOutcome::unserved);
  s.take(EraseResult{0, s.result(-0.5)});
  CHECK(erasure(s.server->outcome(), 0).outcome == RequestOutcome::merged);
  CHECK(erasure(s.server->outcome(), 1).outcome == RequestOutcome::merged);
  CHECK(erasure(s.server->outcome(), 2).reason ==
        "the run ended before it was due, after 500 updates; 2 were accepted");
}

TEST_CASE("who asks a third time shares that outcome too, though the second only repeats the first") {
  Server s(asking, {"erasure=[{client=0,at_update=3},{client=0,at_update=2},{client=0,at_update=1}]"});
  s.update(1, 1), s.update(2, 1), s.update(3, 1);
  for (const std::size_t i : {0, 1, 2}) {
    CHECK(erasure(s.server->outcome(), i).outcome == RequestOutcome::unserved);
    CHECK(erasure(s.server->outcome(), i).reason == "the run ended while its erasure was being computed");
  }
  s.take(EraseResult{2, s.result(-0.5)});
  for (const std::size_t i : {0, 1, 2}) {
    CHECK(erasure(s.server->outcome(), i).outcome == RequestOutcome::merged);
    CHECK(erasure(s.server->outcome(), i).forgotten_at);
    CHECK(erasure(s.server->outcome(), i).reason == "");
  }
}

TEST_CASE("after no update at all is at the start") {
  Server s(asking, {"erasure[0].at_update=0"});
  CHECK(std::get_if<EraseRequest>(&s.first_posts.front().payload) != nullptr);
  CHECK(s.first_posts.front().first);
}

TEST_CASE("a round that ends as its last client drops out counts for requests and for the end") {
  Server s(
      "[training]\nrule = \"fedavg\"\n[unlearning]\nmethod = \"none\"\n[[erasure]]\nclient = 0\nat_round = "
      "1\n");
  s.update(0, 1), s.update(1, 1), s.update(2, 1);
  CHECK_FALSE(erasure(s.server->outcome()).requested_at);
  s.take(Dropped{3, s.tasks.at(3).job});
  CHECK(erasure(s.server->outcome()).requested_at);
  CHECK(s.server->outcome().unused.lost_jobs == 1);
}

TEST_CASE("updates and work for erasures that were shortened are counted") {
  Server s(asking);
  const auto t = s.tasks.at(1);
  Update u{1, t.job, t.version, t.epoch, 100, 100, s.vector(1), nullptr};
  u.shortened = true;
  s.now += 1;
  s.server->on(s.now, u, s.fx);
  s.server->on(s.now, u, s.fx);  // its job is over: it is not accepted
  CHECK(s.server->outcome().shortened.updates == 1);
  CHECK(s.server->outcome().shortened.calibrations == 0);
}

TEST_CASE("an update that is not finite ends the run, is named, and is in no version") {
  Server s(asking, {"erasure=[]"});
  s.update(0, 1), s.update(1, 1);
  const auto model = s.server->evaluation(0).model;
  const auto task = s.tasks.at(2);
  diverge(s, 2);
  CHECK(s.fx.stop);
  CHECK_FALSE(s.fx.merge);
  CHECK(s.fx.posts.empty());
  REQUIRE(s.fx.decisions.size() == 1);
  CHECK(s.fx.decisions[0].kind == record::Decision::Kind::diverged);
  CHECK(s.fx.decisions[0].client == 2);
  const auto o = s.server->outcome();
  CHECK(o.model == model);
  CHECK(o.updates == 2);
  CHECK(o.stopped);
  REQUIRE(o.divergence);
  CHECK(o.divergence->what == "update");
  CHECK(o.divergence->client == std::optional<std::uint32_t>{2});
  CHECK(o.divergence->job == std::optional<std::uint64_t>{task.job});
  CHECK(o.divergence->version == task.version);
  CHECK(o.divergence->updates == 2);
  CHECK(o.divergence->time == 3);
  CHECK(to_string(*o.divergence) ==
        "the update of client/2 (job 1), computed from version 0, is not finite: after 2 updates, at 3 s");
}

TEST_CASE("what nobody would merge does not end the run") {
  Server s(asking);
  s.update(1, 1), s.update(2, 1);  // client 0 has asked
  diverge(s, 0);
  CHECK_FALSE(s.fx.stop);
  CHECK_FALSE(s.server->outcome().divergence);
  CHECK(s.server->outcome().unused.rejected_updates == 1);
}

TEST_CASE("a merge that overflows is not published; large values alone are merged") {
  constexpr double large = 2.5e38;
  Server s(asking, {"erasure=[]"});
  s.update(0, large);
  CHECK(s.model() == doctest::Approx(large));
  CHECK_FALSE(s.server->outcome().divergence);
  s.update(1, large);
  CHECK(s.model() == doctest::Approx(large));
  const auto o = s.server->outcome();
  CHECK(o.version == 1);
  REQUIRE(o.divergence);
  CHECK(o.divergence->what == "merge");
  CHECK(o.divergence->client == std::optional<std::uint32_t>{1});
}

TEST_CASE("an erasure and a calibration that are not finite end the run with their names") {
  Server s(asking);
  s.update(1, 1), s.update(2, 1);
  s.take(EraseResult{0, not_finite(s)});
  auto d = s.server->outcome().divergence;
  REQUIRE(d);
  CHECK(d->what == "erasure");
  CHECK(d->request == std::optional<std::uint64_t>{0});
  CHECK(s.model() == doctest::Approx(2));
  CHECK(erasure(s.server->outcome()).outcome == RequestOutcome::unserved);

  Server c(asking, {"unlearning.method=afu_ic", "unlearning.afu_ic.publish=at_once", "erasure[0].client=1"});
  c.update(1, 1), c.update(2, 1);
  REQUIRE(c.erasures.size() == 1);
  c.take(EraseResult{0, c.result(-1)});
  REQUIRE(c.calibrations.size() == 1);
  c.take(CalibrateResult{0, c.calibrations[0].base_version, not_finite(c)});
  d = c.server->outcome().divergence;
  REQUIRE(d);
  CHECK(d->what == "calibration");
  CHECK(erasure(c.server->outcome()).outcome == RequestOutcome::merged);
  CHECK(erasure(c.server->outcome()).reason == "the run ended while its calibration was being computed");
}

TEST_CASE("drop: an update that is not finite is counted, logged and in no version, and its sender goes on") {
  Server s(asking, {"erasure=[]", drop});
  s.update(0, 1), s.update(1, 1);
  const auto model = s.server->evaluation(0).model;
  const auto task = s.tasks.at(2);
  diverge(s, 2);
  CHECK_FALSE(s.fx.stop);
  CHECK_FALSE(s.fx.merge);
  REQUIRE(s.fx.decisions.size() == 1);
  CHECK(s.fx.decisions[0].kind == record::Decision::Kind::not_finite);
  CHECK(s.fx.decisions[0].client == 2);
  CHECK(s.fx.decisions[0].staleness == 2);
  s.carry_out();
  CHECK(s.tasks.at(2).job == task.job + 1);
  auto o = s.server->outcome();
  CHECK(o.model == model);
  CHECK(o.updates == 2);
  CHECK_FALSE(o.divergence);
  CHECK(o.unused.not_finite_updates == 1);
  CHECK(o.unused.not_finite_work == 0);
  CHECK(
      o.warnings ==
      std::vector<std::string>{
          "not finite, so dropped (training.non_finite): 1 update and 0 other results; the first: the update of "
          "client/2 (job 1), computed from version 0, is not finite: after 2 updates, at 3 s"});
  s.update(2, 1);
  CHECK(s.server->outcome().updates == 3);
}

TEST_CASE(
    "drop: a round is merged without what is not finite in it, and one of nothing else is not counted") {
  Server s("[training]\nrule = \"fedavg\"\nnon_finite = \"drop\"\n[unlearning]\nmethod = \"none\"");
  const auto dropped = [&](std::uint32_t client) { diverge(s, client), s.carry_out(); };
  s.update(0, 1), s.update(1, 1), s.update(2, 1), dropped(3);
  auto o = s.server->outcome();
  CHECK(o.rounds == 1);
  CHECK(o.version == 1);
  CHECK(s.model() == doctest::Approx(1));
  for (const std::uint32_t c : {0u, 1u, 2u, 3u}) dropped(c);
  o = s.server->outcome();
  CHECK(o.rounds == 1);
  CHECK(o.version == 1);
  CHECK(o.unused.not_finite_updates == 5);
  for (const std::uint32_t c : {0u, 1u, 2u, 3u}) s.update(c, 1);
  CHECK(s.server->outcome().rounds == 2);
}

TEST_CASE("drop: training that has diverged comes to its end: a hundred in a row, and one more") {
  Server s(asking, {"erasure=[]", drop});
  const auto drops = [&](int count) {
    for (int i = 0; i < count; ++i) diverge(s, 2), s.carry_out();
  };
  drops(100);
  s.update(1, 1);  // they are counted anew
  drops(100);
  CHECK_FALSE(s.server->outcome().divergence);
  drops(1);
  const auto o = s.server->outcome();
  REQUIRE(o.divergence);
  CHECK(o.divergence->job == std::optional<std::uint64_t>{201});
  CHECK(o.stopped);
  CHECK(o.unused.not_finite_updates == 200);
}

TEST_CASE("drop: an erasure that is not finite is refused with its reason, and all others go on") {
  Server s(asking, {drop});
  s.update(1, 1), s.update(2, 1);
  s.take(EraseResult{0, not_finite(s)});
  auto o = s.server->outcome();
  CHECK_FALSE(o.divergence);
  CHECK_FALSE(o.stopped);
  CHECK(o.unused.not_finite_work == 1);
  CHECK(decided(s, record::Decision::Kind::not_finite));
  CHECK(erasure(o).outcome == RequestOutcome::refused);
  CHECK(
      erasure(o).reason ==
      "the erasure of client/0 for erasure[0], computed from version 2, is not finite: after 2 updates, at 4 s");
  CHECK(s.model() == doctest::Approx(2));
  s.update(1, 1);
  CHECK(s.server->outcome().updates == 3);

  // What clients compute for it, while all others are halted.
  Server c(
      "[unlearning]\nmethod = \"fedosd\"\n[unlearning.fedosd]\nrounds = 3\n[[erasure]]\nclient = "
      "0\nat_update = 1\n",
      {drop}, false, {test::rows(0, 1)});
  c.update(1, 1);
  for (std::uint32_t k : {2u, 3u}) c.update(k, 0);
  if (c.collects.empty()) c.update(1, 0);
  REQUIRE_FALSE(c.collects.empty());
  const auto [client, work] = c.collects.front();
  c.take(CollectResult{work.request, client, work.job, not_finite(c)});
  o = c.server->outcome();
  CHECK(erasure(o).outcome == RequestOutcome::refused);
  CHECK(erasure(o).reason.find(
            fmt::format("the work of client/{} (job {}) for erasure[0]", client, work.job)) == 0);
  CHECK(decided(c, record::Decision::Kind::resumed));
  const auto accepted = o.updates;
  for (const auto& [k, asked] : std::vector(c.collects)) {
    if (k == 0) continue;                  // who asked gets no more
    CHECK(c.tasks.at(k).job > asked.job);  // all others have work again
    c.update(k, 1);
  }
  CHECK(c.server->outcome().updates == accepted + 3);
}

TEST_CASE(
    "drop: a calibration that is not finite is not merged, and its request goes on; before the merge it is refused") {
  Server c(asking,
           {"unlearning.method=afu_ic", "unlearning.afu_ic.publish=at_once", "erasure[0].client=1", drop});
  c.update(1, 1), c.update(2, 1);
  c.take(EraseResult{0, c.result(-1)});
  REQUIRE(c.calibrations.size() == 1);
  c.take(CalibrateResult{0, c.calibrations[0].base_version, not_finite(c)});
  auto o = c.server->outcome();
  CHECK_FALSE(o.divergence);
  CHECK(o.unused.not_finite_work == 1);
  CHECK(erasure(o).outcome == RequestOutcome::merged);
  CHECK(erasure(o).forgotten_at);
  CHECK(erasure(o).reason == "");
  CHECK(erasure(o).calibrations.count == 0);
  CHECK_FALSE(decided(c, record::Decision::Kind::calibration_merged));

  Server d(asking,
           {"unlearning.method=afu_ic", "unlearning.afu_ic.publish=calibrated", "erasure[0].client=1", drop});
  d.update(1, 1), d.update(2, 1);
  for (int i = 0; i < 3 && d.calibrations.empty(); ++i) d.take(EraseResult{0, d.result(-1)});
  REQUIRE(d.calibrations.size() == 1);
  d.take(CalibrateResult{0, d.calibrations[0].base_version, not_finite(d)});
  o = d.server->outcome();
  CHECK_FALSE(o.divergence);
  CHECK(erasure(o).outcome == RequestOutcome::refused);
  CHECK(erasure(o).reason.find("the calibration for erasure[0], computed from version 2, is not finite") ==
        0);
  CHECK_FALSE(erasure(o).merged_at);
}

TEST_CASE("what is in no version at the end is counted") {
  Server s("[training]\nrule = \"fedbuff\"\nbuffer_size = 3\n[unlearning]\nmethod = \"none\"");
  s.update(0, 1), s.update(1, 1);
  const auto o = s.server->outcome();
  CHECK(o.unused.buffered_at_end == 2);
  CHECK(o.unused.busy_at_end == 4);
  CHECK(o.unused.clients_never_heard == 2);
  REQUIRE(o.busy.size() == 4);
  CHECK(o.busy[0].job == 2);
  CHECK(o.busy[0].since == doctest::Approx(1));
  CHECK(o.busy[3].job == 1);
}

TEST_CASE("an erasure that has nothing to take out, or leaves something, is told") {
  Server s(asking);
  s.update(1, 1), s.update(2, 1);
  CHECK(s.server->outcome().warnings ==
        std::vector<std::string>{
            "erasure[0] of client/0: no update of it was ever accepted before it asked, so "
            "there was nothing to erase"});
  Server recovery(asking, {"unlearning.method=fedrecovery"});
  recovery.update(0, 1), recovery.update(1, 1);  // a round of rules without rounds has four
  CHECK(recovery.server->outcome().warnings ==
        std::vector<std::string>{
            "erasure[0] of client/0: 1 of its updates are in a round that is not complete, "
            "which 'fedrecovery' leaves as it is"});
  Server both(asking);
  both.update(0, 1), both.update(1, 1);
  CHECK(both.server->outcome().warnings.empty());
}

TEST_CASE("a run that ends in the middle of a blocking erasure says who was halted, and how far it came") {
  Server s(
      "[unlearning]\nmethod = \"fedosd\"\n[unlearning.fedosd]\nrounds = 3\n[[erasure]]\nclient = "
      "0\nat_update = 1\n",
      {}, false, {test::rows(0, 1)});
  s.update(1, 1);
  for (std::uint32_t c : {2u, 3u}) s.update(c, 0);
  if (s.collects.empty()) s.update(1, 0);
  REQUIRE_FALSE(s.collects.empty());
  const auto record = s.server->outcome().erasures.at(0).record;
  CHECK(record.outcome == record::RequestOutcome::unserved);
  CHECK(record.reason.find("the run ended while 4 clients worked on its erasure") == 0);
  CHECK(record.reason.find("; all others had been halted for it since ") != std::string::npos);
}
