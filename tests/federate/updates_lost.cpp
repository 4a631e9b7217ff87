// The server without actors: what is lost where a model is put in the published one's place, and what is not.
#include <algorithm>
#include <string>
#include <vector>

#include "federate/merged_updates.hpp"
#include "methods/pga/job.hpp"
#include "server.hpp"

using namespace afu;
using namespace afu::federate;
using test::Server;
using Kind = record::Decision::Kind;

namespace {

/// Differences are added as they are; client 0 asks after three updates.
std::string asks(const std::string& method, const std::string& more = "") {
  return "[training]\nserver_lr = 1\nstaleness = \"constant\"\nweight_by_samples = false\n[unlearning]\nmethod = \"" +
         method + "\"\n" + more + "[[erasure]]\nclient = 0\nat_update = 3\n";
}

std::int64_t lost(const Server& s, std::size_t request = 0) {
  return s.server->outcome().erasures.at(request).record.updates_lost.value();
}

/// What the decisions of that kind tell, added up; each must tell it.
std::int64_t told(const Server& s, Kind kind) {
  std::int64_t sum = 0;
  for (const auto& d : s.decisions)
    if (d.kind == kind) sum += d.updates_lost.value();
  return sum;
}

/// What the ascent returns: the difference to the snapshot, and w_u.
ResultPtr ascent(const Server& s, double difference, double result) {
  auto r = std::make_shared<job::JobResult>();
  r->outputs = {s.vector(difference), s.vector(result)};
  return r;
}

constexpr auto everybody = [](std::uint32_t) { return true; };

}  // namespace

TEST_CASE("merged updates: lost is what came after the version that is held, of those that stay, once") {
  MergedUpdates m;
  for (std::uint32_t version = 1; version <= 4; ++version) m.merged(version % 3, version);  // clients 1 2 0 1
  CHECK(m.lose(4, everybody, everybody) == 0);
  CHECK(m.lose(2, everybody, [](std::uint32_t client) { return client != 0; }) == 1);
  CHECK(m.lose(2, everybody, everybody) == 0);
  m.merged(2, 6);
  m.merged(1, 7);
  CHECK(m.lose(
            0, [](std::uint32_t client) { return client == 1; }, everybody) == 2);
  CHECK(m.lose(0, everybody, everybody) == 2);  // client 2's: of version 2, and of 6
}

TEST_CASE("afu_ic_paper: the snapshot's ascent is assigned, and what was merged since the snapshot is lost") {
  Server s(asks("afu_ic_paper"), {}, false, {test::rows(0, 4)});
  s.update(0, 4), s.update(1, 2), s.update(2, 1);  // w = 7, the snapshot
  REQUIRE(s.erasures.size() == 1);
  CHECK(s.erasures[0].at_target);
  CHECK(s.erasures[0].job->as<methods::PgaJob>()->reference.start->values[0].item<double>() ==
        doctest::Approx(7));
  CHECK(s.erasures[0].job->as<methods::PgaJob>()->reference.terms.empty());
  s.update(1, 10), s.update(3, 20), s.update(1, 30);
  CHECK(s.model() == doctest::Approx(67));  // nobody waited
  s.take(EraseResult{0, ascent(s, -5, 2)});
  CHECK(s.model() == doctest::Approx(2));  // w_u itself: no merge
  CHECK(lost(s) == 3);
  CHECK(told(s, Kind::replaced) == 3);
  REQUIRE(s.calibrations.size() == 1);
  CHECK(s.calibrations[0].passes > 0);
  s.update(2, 100);  // trained from a version that is gone: its difference is merged all the same
  CHECK(s.model() == doctest::Approx(102));
  s.take(CalibrateResult{0, s.calibrations[0].base_version, s.result(0.5)});
  CHECK(s.model() == doctest::Approx(102.5));
  const auto e = s.server->outcome().erasures.at(0).record;
  CHECK(e.forgotten_at);
  CHECK(e.calibrations.count == 1);
  CHECK(e.calibrations.steps == 20);
  CHECK(e.updates_lost == 3);
}

TEST_CASE("afu_ic_paper, blocking: nobody trains meanwhile, so nothing is lost") {
  Server s(asks("afu_ic_paper"), {"unlearning.coordination=blocking"}, false, {test::rows(0, 4)});
  for (std::uint32_t c = 0; c < 3; ++c) s.update(c, 1);
  for (std::uint32_t c = 1; c < 4; ++c) s.update(c, 1);  // what was out is drained
  REQUIRE(s.erasures.size() == 1);
  s.take(EraseResult{0, ascent(s, -1, 4)});
  REQUIRE(s.calibrations.size() == 1);
  s.take(CalibrateResult{0, s.calibrations[0].base_version, s.result(0)});
  CHECK(s.model() == doctest::Approx(4));
  CHECK(lost(s) == 0);
  CHECK(told(s, Kind::replaced) == 0);
}

TEST_CASE("afu_ic_paper: a second request waits for the first; its snapshot is what the first one assigned") {
  Server s(asks("afu_ic_paper") + "[[erasure]]\nclient = 1\nat_update = 4\n",
           {"calibration.steps=0", "unlearning.afu_ic_paper.reference=without_target"}, false,
           {test::rows(0, 4), test::rows(4, 8)});
  s.update(0, 4), s.update(1, 2), s.update(2, 1);
  s.update(3, 8);  // now client 1 asks too
  REQUIRE(s.erasures.size() == 1);
  s.update(2, 16);
  s.take(EraseResult{0, ascent(s, -5, 2)});
  CHECK(lost(s, 0) == 2);
  REQUIRE(s.erasures.size() == 2);
  // The ledger is that of the first snapshot: w_ref is 2 - 2, client 1's contribution that is in it.
  const auto& job = *s.erasures[1].job->as<methods::PgaJob>();
  CHECK(s.lane.run(engine::CombineJob{{job.reference}}).outputs.at(0)->values[0].item<double>() ==
        doctest::Approx(0));
  s.update(3, 32);
  s.take(EraseResult{1, ascent(s, -1, 1)});
  CHECK(s.model() == doctest::Approx(1));
  CHECK(lost(s, 0) == 2);
  CHECK(lost(s, 1) == 1);
}

TEST_CASE("a retraining loses all that the others had merged, and what they had in the buffer is discarded") {
  Server s(asks("retrain"), {"training.rule=fedbuff", "training.buffer_size=2"});
  s.update(0, 4), s.update(1, 2);  // a version
  CHECK(lost(s) == 0);
  s.update(2, 1);  // buffered; now client 0 asks
  CHECK(lost(s) == 1);
  CHECK(told(s, Kind::restarted) == 1);
  CHECK(s.server->outcome().erasures.at(0).record.lost_updates == 4);  // that one, and three on their way
}

TEST_CASE("methods that add to the version that stands lose nothing, however late") {
  for (const char* method : {"gradient_ascent", "fedquit", "subtract", "afu_ic", "none"}) {
    CAPTURE(method);
    Server s(asks(method), {"unlearning.coordination=concurrent", "calibration.steps=0"}, false,
             {test::rows(0, 4)});
    s.update(0, 4), s.update(1, 2), s.update(2, 1);
    s.update(1, 10), s.update(3, 20);
    if (!s.erasures.empty()) s.take(EraseResult{0, s.result(-5)});
    CHECK(lost(s) == 0);
    CHECK(std::none_of(s.decisions.begin(), s.decisions.end(),
                       [](const auto& d) { return d.updates_lost.has_value(); }));
  }
}
