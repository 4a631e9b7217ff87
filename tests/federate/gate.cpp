// The gate without actors: merges are published at once, and what was too much of them is taken back.
#include <cmath>
#include <string>

#include "calibrate/jobs.hpp"
#include "engine/combine_job.hpp"
#include "server.hpp"

using namespace afu;
using namespace afu::federate;
using test::Server;

namespace {

/// Client 0 asks after two updates, client 2 after six; nothing is calibrated.
const char* two = R"(
[training]
server_lr = 1
staleness = "constant"
weight_by_samples = false
[[erasure]]
client = 0
at_update = 2
[[erasure]]
client = 2
at_update = 6
)";

Server gated(const std::vector<std::string>& more = {}, bool timing = false) {
  std::vector<std::string> set{"calibration.invariance=vrex", "calibration.research.gate=true",
                               "calibration.steps=0", "calibration.window_steps=0"};
  set.insert(set.end(), more.begin(), more.end());
  return Server(two, set, timing);
}

/// Client 0's contribution, 1, is merged and erased; the model is client 1's 1 then.
void erase(Server& s) {
  s.update(0, 1), s.update(1, 1);
  REQUIRE(s.erasures.size() == 1);
  s.take(EraseResult{0, s.result(-1)});
  REQUIRE(s.model() == doctest::Approx(1));
  CHECK(s.calibrations.empty());
}

CalibrateResult answer(const CalibrateTask& task, double scale) {
  auto r = std::make_shared<job::JobResult>();
  r->figures["scale"] = scale;
  r->samples = 7;
  return {task.request, task.base_version, r, true};
}

const record::GateFigures& figures_of(const Server& s) {
  static record::GateFigures found;
  found = *s.server->outcome().erasures.at(0).record.gate;
  return found;
}

}  // namespace

TEST_CASE("gate: a merge is published before it is looked at; what was too much goes when the answer comes") {
  auto s = gated();
  erase(s);
  const auto before = s.server->evaluation(0).model;
  s.update(3, 4);
  CHECK(s.model() == doctest::Approx(5));
  REQUIRE(s.calibrations.size() == 1);
  const auto task = s.calibrations[0];
  CHECK(task.probe);
  CHECK(task.passes == 12 * 2 * 2);  // three environments of four; D twice, vrex looks twice each time
  const auto& job = *task.job->as<calibrate::GateJob>();
  CHECK(job.before == before);
  CHECK(job.after == s.server->evaluation(0).model);

  s.update(1, 1);  // nobody waits
  CHECK(s.model() == doctest::Approx(6));
  CHECK(s.calibrations.size() == 2);
  s.take(answer(task, 0.25));
  CHECK(s.model() == doctest::Approx(3));  // 1 + 4/4 + 1
  CHECK(s.decisions.back().kind == record::Decision::Kind::gated);
  CHECK(s.decisions.back().client == 3);
  CHECK(s.weight() == doctest::Approx(-0.75));
  const auto version = s.server->outcome().version;
  s.take(answer(s.calibrations[1], 1));
  CHECK(s.model() == doctest::Approx(3));
  CHECK(s.server->outcome().version == version);  // nothing to take back
  CHECK(s.calibrations.size() == 2);              // a correction is not looked at itself

  const auto& f = figures_of(s);
  CHECK(f.probed == 2);
  CHECK(f.scaled == 1);
  CHECK(f.scale_sum == 1.25);
  CHECK(f.samples == 14);
  CHECK(s.server->outcome().erasures.at(0).record.server_passes == 2 * task.passes);
  s.take(answer(task, 0.125));  // of a merge that has been dealt with
  CHECK(s.model() == doctest::Approx(3));
}

TEST_CASE("gate: an answer that is not finite ends the run, or takes nothing back where it is dropped") {
  const auto answered = [](const std::vector<std::string>& more) {
    auto s = gated(more);
    erase(s);
    s.update(3, 4);
    s.take(answer(s.calibrations.at(0), std::nan("")));
    CHECK(s.model() == doctest::Approx(5));
    return s.server->outcome();
  };
  const auto failed = answered({});
  REQUIRE(failed.divergence);
  CHECK(failed.divergence->what == "gate's answer");
  const auto dropped = answered({"training.non_finite=drop"});
  CHECK_FALSE(dropped.divergence);
  CHECK(dropped.unused.not_finite_work == 1);
  CHECK(dropped.erasures.at(0).record.gate->probed == 0);
}

TEST_CASE("gate: a later erasure of the client takes out what is left of its contribution, no more") {
  auto s = gated();
  erase(s);
  s.update(2, 4);
  s.take(answer(s.calibrations.at(0), 0.5));
  s.update(2, 8), s.update(1, 1), s.update(1, 1);  // client 2 asks, its second contribution still looked at
  CHECK(s.model() == doctest::Approx(1 + 2 + 8 + 2));
  REQUIRE(s.erasures.size() == 2);
  const auto& job = *s.erasures[1].job->as<engine::CombineJob>();
  const auto& term = job.outputs.at(0).terms.at(0);
  CHECK(term.coefficient * term.vector->values[0].item<double>() == doctest::Approx(-10));
  s.take(answer(s.calibrations.at(1), 0.25));  // it is the erasure's to take out now
  CHECK(s.model() == doctest::Approx(1 + 2 + 8 + 2));
  s.take(EraseResult{1, s.result(-10)});
  CHECK(s.model() == doctest::Approx(1 + 2));
}

TEST_CASE("gate: two gates at a time leave what the stricter one leaves") {
  auto s = gated();
  erase(s);
  s.update(2, 4), s.update(1, 0), s.update(1, 0), s.update(1, 0);  // client 2 asks
  REQUIRE(s.erasures.size() == 2);
  s.take(EraseResult{1, s.result(-4)});
  CHECK(s.model() == doctest::Approx(1));
  s.calibrations.clear();
  s.update(3, 8);
  REQUIRE(s.calibrations.size() == 2);
  s.take(answer(s.calibrations[1], 0.5));
  CHECK(s.model() == doctest::Approx(5));
  s.take(answer(s.calibrations[0], 0.25));
  CHECK(s.model() == doctest::Approx(3));
}

TEST_CASE("gate: it ends with the window, a timing-only run pays for it and takes nothing back") {
  auto s = gated({"calibration.window_updates=1"});
  erase(s);
  s.update(3, 4);
  s.update(3, 4);
  REQUIRE(s.calibrations.size() == 1);
  s.take(answer(s.calibrations[0], 0.5));  // accepted within the window
  CHECK(s.model() == doctest::Approx(7));

  auto timing = gated({}, true);
  timing.update(0, 0), timing.update(1, 0);
  timing.take(EraseResult{0, nullptr});
  timing.update(3, 0);
  REQUIRE(timing.calibrations.size() == 1);
  CHECK(!timing.calibrations[0].job);
  timing.take(CalibrateResult{0, timing.calibrations[0].base_version, nullptr, true});
  CHECK(figures_of(timing).probed == 0);
}

TEST_CASE("gate: rules whose merges cannot be taken back are refused") {
  for (const char* rule : {"fedasync", "aso_fed"})
    CHECK_THROWS_WITH(gated({std::string("training.rule=") + rule}),
                      doctest::Contains("calibration.research.gate: a part of a merge cannot be taken back"));
}
