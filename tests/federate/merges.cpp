// The server without actors: merges in two stages, a rule's vectors, EWC.
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "calibrate/jobs.hpp"
#include "engine/combine_job.hpp"
#include "methods/kd/job.hpp"
#include "methods/pga/job.hpp"
#include "server.hpp"

using namespace afu;
using namespace afu::federate;
using test::Server;

namespace {

/// Client 0's update fills no buffer: its next task is of the version before client 1's, one version late.
const double late = 10.0 / 11;
const char* port = R"(
[training]
rule = "port"
buffer_size = 1
[unlearning]
method = "none"
)";

/// Client 0 asks after two updates and ascends itself.
const char* erasing = R"(
[training]
server_lr = 1
staleness = "constant"
weight_by_samples = false
ewc_strength = 0.25
[unlearning]
method = "gradient_ascent"
[[erasure]]
client = 0
at_update = 2
)";

}  // namespace

TEST_CASE("port's merges take two jobs once there is a course to compare with") {
  Server s(port, {"training.buffer_size=2"});
  s.update(0, 1), s.update(1, 1);
  s.update(0, 1), s.update(1, 1);
  CHECK(s.jobs == 2);
  CHECK(s.model() == doctest::Approx(2));
  s.update(0, 3), s.update(1, -5);  // along the course 1 + late, against it 0 + 1
  CHECK(s.jobs == 4);
  CHECK(s.weight() == doctest::Approx(1 / (2 + late)));
  CHECK(s.model() == doctest::Approx(2 + (3 * (1 + late) - 5) / (2 + late)));
}

TEST_CASE("in a timing-only run port's cosines count as 0") {
  Server s(port, {"training.buffer_size=2"}, true);
  for (int i = 0; i < 4; ++i) s.update(0, 0), s.update(1, 0);
  CHECK(s.jobs == 0);
  CHECK(s.server->outcome().version == 4);
  CHECK(s.weight() == doctest::Approx(1.5 / (2 + late)));
}

TEST_CASE("server momentum through the server") {
  Server s(
      "[training]\nrule = \"fedbuff\"\nbuffer_size = 1\nserver_lr = 1\nserver_momentum = 0.5\nstaleness = "
      "\"constant\"\n[unlearning]\nmethod = \"none\"");
  s.update(0, 2);
  s.update(1, 4);
  CHECK(s.model() == doctest::Approx(2 + 5));
}

TEST_CASE("aso_fed through the server") {
  Server s("[training]\nrule = \"aso_fed\"\naso_beta = 0.25\n[unlearning]\nmethod = \"none\"");
  s.update(0, 4);
  s.update(0, 6);
  s.update(0, 8);
  CHECK(s.model() == doctest::Approx((4 + 2 + 5) / 4.0));
}

TEST_CASE("EWC: once erased, the Fisher information is computed and tasks carry the anchor") {
  Server s(erasing);
  s.update(1, 1), s.update(2, 1);  // now client 0 asks
  REQUIRE(s.erasures.size() == 1);
  CHECK(s.calibrations.empty());
  s.take(EraseResult{0, s.result(-0.5)});
  CHECK(s.model() == doctest::Approx(1.5));
  REQUIRE(s.calibrations.size() == 1);
  const auto task = s.calibrations[0];
  CHECK(task.request == no_request);
  CHECK(task.passes == 3 * 4 * 3);  // three clients stay, with four samples each, three classes
  const auto& job = *task.job->as<calibrate::FisherJob>();
  CHECK(job.model == s.server->evaluation(0).model);
  CHECK(s.server->outcome().erasures.at(0).record.server_passes == 36);

  s.update(1, 1);  // until the answer is there all train as before
  CHECK(!s.tasks.at(1).extras);
  s.take(CalibrateResult{no_request, task.base_version, s.result(0.125)});
  s.update(1, 1);
  const auto extras = s.tasks.at(1).extras;
  REQUIRE(extras);
  CHECK(extras->anchor == job.model);
  CHECK(extras->fisher->values[0].item<double>() == 0.125);
  CHECK(extras->strength == 0.25);
  CHECK(extras->lr_factor == 1.0);
  CHECK(!extras->mask);
}

TEST_CASE("EWC: most samples, and none without a strength") {
  Server few(erasing, {"training.ewc_samples=5"});
  few.update(1, 1), few.update(2, 1);
  few.take(EraseResult{0, few.result(0)});
  REQUIRE(few.calibrations.size() == 1);
  CHECK(few.calibrations[0].passes == 15);

  Server off(erasing, {"training.ewc_strength=0"});
  off.update(1, 1), off.update(2, 1);
  off.take(EraseResult{0, off.result(0)});
  CHECK(off.calibrations.empty());

  Server timing(erasing, {}, true);  // costs time there as well
  timing.update(1, 0), timing.update(2, 0);
  timing.take(EraseResult{0, nullptr});
  REQUIRE(timing.calibrations.size() == 1);
  CHECK(!timing.calibrations[0].job);
  timing.take(CalibrateResult{no_request, timing.calibrations[0].base_version, nullptr});
  timing.update(1, 0);
  CHECK(!timing.tasks.at(1).extras);
}

TEST_CASE("EWC: a new request voids the anchor, and what is still being computed for it") {
  const auto twice = std::string(erasing) + "[[erasure]]\nclient = 3\nat_update = 4\n";
  for (const bool answered : {true, false}) {
    CAPTURE(answered);
    Server s(twice);
    s.update(1, 1), s.update(2, 1);
    s.take(EraseResult{0, s.result(0)});
    const auto first = s.calibrations.at(0);
    if (answered) s.take(CalibrateResult{no_request, first.base_version, s.result(1)});
    s.update(1, 1);
    CHECK((s.tasks.at(1).extras != nullptr) == answered);
    s.update(2, 1);  // now client 3 asks
    if (!answered) s.take(CalibrateResult{no_request, first.base_version, s.result(1)});
    s.update(1, 1);
    CHECK(!s.tasks.at(1).extras);
    s.take(EraseResult{1, s.result(0)});
    REQUIRE(s.calibrations.size() == 2);
    s.take(CalibrateResult{no_request, s.calibrations[1].base_version, s.result(2)});
    s.update(1, 1);
    REQUIRE(s.tasks.at(1).extras);
    CHECK(s.tasks.at(1).extras->fisher->values[0].item<double>() == 2);
  }
}

TEST_CASE("EWC: of two requests at a time only the last one's end asks") {
  Server s(std::string(erasing) + "[[erasure]]\nclient = 3\nat_update = 2\n");
  s.update(1, 1), s.update(2, 1);
  REQUIRE(s.erasures.size() == 2);
  s.take(EraseResult{1, s.result(0)});
  CHECK(s.calibrations.empty());
  s.take(EraseResult{0, s.result(0)});
  CHECK(s.calibrations.size() == 1);
}

TEST_CASE("EWC is added to what a method leaves set, which keeps its mask") {
  Server s(
      "[training]\newc_strength = 0.25\n[unlearning]\nmethod = \"prune\"\n[unlearning.prune]\n"
      "recovery_updates = 1\n[[erasure]]\nscope = \"class\"\nclass = 1\nat_update = 2\n");
  s.update(1, 1), s.update(2, 1);
  REQUIRE(s.collects.size() == 4);
  for (const auto& [client, task] : std::exchange(s.collects, {}))
    s.take(CollectResult{task.request, client, task.job, s.result(0)});
  REQUIRE(s.erasures.size() == 1);
  job::JobResult pruned;
  pruned.outputs = {s.vector(1), s.vector(0.5)};
  s.take(EraseResult{0, std::make_shared<const job::JobResult>(std::move(pruned))});
  REQUIRE(s.tasks.at(1).extras);
  CHECK(s.tasks.at(1).extras->mask);
  CHECK(!s.tasks.at(1).extras->anchor);
  s.update(2, 0);
  REQUIRE(s.calibrations.size() == 1);
  s.take(CalibrateResult{no_request, s.calibrations[0].base_version, s.result(2)});
  s.update(1, 0);
  const auto both = s.tasks.at(1).extras;
  REQUIRE(both->mask);
  CHECK(both->mask->values[0].item<double>() == 0.5);
  REQUIRE(both->anchor);
  CHECK(both->fisher->values[0].item<double>() == 2);
  CHECK(both->strength == 0.25);
}

TEST_CASE("methods that take single contributions out refuse rules where they live on") {
  const auto refused = [](const std::string& method, const std::string& training) {
    try {
      config::parse_scenario("[training]\n" + training + "\n[unlearning]\nmethod = \"" + method +
                                 "\"\n[[erasure]]\nclient = 0\nat_update = 1\n[stop]\nupdates = 9\n",
                             "s.toml", {}, methods::method_sections());
    } catch (const config::ConfigError& e) {
      REQUIRE(e.messages().size() == 1);
      return e.messages().front();
    }
    return std::string{};
  };
  const std::string momentum = "rule = \"fedbuff\"\nserver_momentum = 0.9";
  CHECK(refused("afu_ic", momentum) ==
        "s.toml:3:19: training.server_momentum: a delta lives on in the server's momentum, allowed is 0, the "
        "method \"afu_ic\" takes out what single clients have contributed");
  CHECK(refused("afu_ic", "rule = \"aso_fed\"").find("s.toml:2:8: training.rule: \"aso_fed\"") == 0);
  CHECK(refused("afu_ic", "rule = \"port\"").find("s.toml:2:8: training.rule: \"port\"") == 0);
  CHECK(refused("afu_ic", "rule = \"fedbuff\"") == "");
  for (const auto& training : {momentum, std::string("rule = \"aso_fed\""), std::string("rule = \"port\"")})
    for (const char* method : {"none", "retrain", "gradient_ascent"}) {
      CAPTURE(training);
      CAPTURE(method);
      CHECK(refused(method, training) == "");
    }
}

TEST_CASE("subtract on a rule that adds differences: exactly the model without the target's") {
  Server s(
      "[training]\nstaleness_a = 0.5\n[unlearning]\nmethod = \"subtract\"\n[[erasure]]\nclient = 0\n"
      "at_update = 5\n");
  double others = 0, all = 0;
  const auto take = [&](std::uint32_t client, double delta) {
    s.update(client, delta);
    double weight = 0;
    for (const auto& d : s.decisions)
      if (d.kind == record::Decision::Kind::merged) weight = d.weight;
    all += weight * delta;
    if (client != 0) others += weight * delta;
  };
  take(0, 1), take(1, -2), take(0, 4), take(2, 8), take(3, 0.5);
  CHECK(std::abs(all - others) > 1);
  REQUIRE(s.server->outcome().erasures.at(0).record.merged_at);
  CHECK(s.model() == doctest::Approx(others));
}

TEST_CASE("late updates that fedasync adds as differences are taken out with the rest of their client's") {
  for (const std::string method : {"subtract", "kd", "pga"}) {
    CAPTURE(method);
    Server s(
        "[training]\nrule = \"fedasync\"\nmixing = 0.5\nstaleness = \"constant\"\n[unlearning]\nlate = "
        "\"guard\"\ncoordination = \"concurrent\"\nmethod = \"subtract\"\n[[erasure]]\nclient = 0\nat_update "
        "= 2\n"
        "[[erasure]]\nclient = 1\nat_update = 3\n",
        {"unlearning.method=" + method}, false, {test::rows(0, 4), test::rows(4, 8)});
    s.update(0, 2), s.update(2, 0);
    if (method != "subtract") s.take(EraseResult{0, s.result(-0.5)});  // what the removal comes to
    CHECK(s.model() == doctest::Approx(0));
    s.update(1, -1);  // late, so half of it is added; it is all that client 1 contributes
    if (method == "subtract") {
      CHECK(s.model() == doctest::Approx(0));
    } else {
      CHECK(s.model() == doctest::Approx(-0.5));
      const auto& job = *s.erasures.at(1).job;
      const auto* distil = job.as<methods::DistilJob>();
      const auto start =
          s.lane.run(engine::CombineJob{{distil ? distil->student : job.as<methods::PgaJob>()->reference}});
      CHECK(start.outputs.at(0)->values[0].item<double>() == doctest::Approx(0));
    }
  }
}

TEST_CASE("afu_ic on whole models: the guard lets late updates erase on, and not bring back what is erased") {
  Server s(
      "[training]\nrule = \"fedasync\"\nmixing = 0.5\nstaleness = \"constant\"\n[unlearning]\nlate = "
      "\"guard\"\nmethod = \"afu_ic\"\n[[erasure]]\nclient = 0\nat_update = 2\n",
      {"calibration.steps=0", "calibration.window_steps=0"}, false, {test::rows(0, 4)});
  s.update(0, 4);  // 2
  s.update(1, 2);  // (2 + 2) / 2 = 2, of which 1 is the target's
  s.take(EraseResult{0, s.result(-1)});
  CHECK(s.model() == doctest::Approx(1));
  s.update(2, 3);  // late, and all of it points back to where the target had drawn the model
  CHECK(s.model() == doctest::Approx(1));
  s.update(3, -2);  // late, and away from there
  CHECK(s.model() == doctest::Approx(0));
}

TEST_CASE(
    "afu_ic on whole models: of two requests, late bases get each one's calibration up to its own end") {
  Server s(
      "[training]\nrule = \"fedasync\"\nmixing = 0.5\nstaleness = \"constant\"\n[unlearning]\nmethod = "
      "\"afu_ic\"\n[[erasure]]\nclient = 0\nat_update = 2\n[[erasure]]\nclient = 1\nat_update = 2\n",
      {"calibration.window_updates=0", "unlearning.afu_ic.publish=at_once"}, false,
      {test::rows(0, 4), test::rows(4, 8)});
  s.update(0, 4);  // 2, all of it the first target's
  s.update(1, 0);  // (2 + 0) / 2
  s.take(EraseResult{0, s.result(-1)});
  s.take(EraseResult{1, s.result(0)});
  CHECK(s.model() == doctest::Approx(0));
  REQUIRE(s.calibrations.size() == 2);
  s.take(CalibrateResult{0, s.calibrations[0].base_version, s.result(0.25), false});
  REQUIRE(s.server->outcome().erasures.at(0).record.forgotten_at);
  s.take(CalibrateResult{1, s.calibrations[1].base_version, s.result(0.5), false});
  REQUIRE(s.server->outcome().erasures.at(1).record.forgotten_at);
  CHECK(s.model() == doctest::Approx(0.75));
  s.update(2, 0);  // its base, 0, is moved by -1 + 0.25 + 0.5
  CHECK(s.model() == doctest::Approx(0.5 * 0.75 + 0.5 * (-1 + 0.75)));
}

TEST_CASE("fedasync that replaces the model leaves nothing to take a client out of") {
  const std::string text =
      "[training]\nrule = \"fedasync\"\nmixing = 1\n[unlearning]\nmethod = \"subtract\"\n[[erasure]]\nclient "
      "= 0\nat_update = 3\n";
  CHECK_THROWS_WITH_AS(Server(text, {}), doctest::Contains("training.mixing: 1 replaces the model"),
                       config::ConfigError);
  CHECK_NOTHROW(Server(text, {"training.mixing=0.99"}));
  CHECK_NOTHROW(Server(text, {"unlearning.method=afu_ic"}));
}

TEST_CASE("EWC: labels other than all cost one pass an image") {
  Server s(erasing, {"training.ewc_labels=sampled"});
  s.update(1, 1), s.update(2, 1);
  s.take(EraseResult{0, s.result(0)});
  REQUIRE(s.calibrations.size() == 1);
  CHECK(s.calibrations[0].passes == 12);
  CHECK(s.calibrations[0].job->as<calibrate::FisherJob>()->labels == config::FisherLabels::sampled);
}

namespace {

/// afu_ic that calibrates in private: what the unlearner and the calibrator answer, and what is then
/// published.
struct Calibrated : Server {
  explicit Calibrated(const std::string& training)
      : Server(
            "[training]\nserver_lr = 1\nmixing = 0.5\nstaleness = \"constant\"\nweight_by_samples = false\n" +
                training +
                "[unlearning]\nmethod = \"afu_ic\"\n[unlearning.afu_ic]\npublish = \"calibrated\"\n"
                "[[erasure]]\nclient = 0\nat_update = 2\n",
            {"calibration.window_updates=0"}) {}
  void erase() { take(EraseResult{0, computed(*erasures.back().job)}); }
  ResultPtr computed(const job::Job& job) {
    return std::make_shared<job::JobResult>(lane.run(*job.as<engine::CombineJob>()));
  }
  double input(std::size_t i) const {
    const auto& job = *calibrations.back().job->as<calibrate::CalibrateJob>();
    const model::ParametersPtr inputs[] = {job.base, job.before, job.erased, job.fisher, job.erasure};
    return inputs[i]->values[0].item<double>();
  }
};

}  // namespace

TEST_CASE("afu_ic that calibrates in private publishes one version, with what was accepted meanwhile") {
  Calibrated s("");
  s.update(0, 4), s.update(1, 2);
  REQUIRE(s.erasures.size() == 1);
  s.erase();
  REQUIRE(s.erasures.size() == 2);
  s.erase();
  REQUIRE(s.calibrations.size() == 1);
  CHECK(s.input(0) == doctest::Approx(2));  // begins without the target's 4
  CHECK(s.input(1) == doctest::Approx(6));  // and keeps near what the model was
  s.update(2, 1);
  CHECK(s.model() == doctest::Approx(7));  // the old model is served, and trained
  const auto version = s.server->outcome().version;
  CHECK_FALSE(s.server->outcome().erasures.at(0).record.merged_at);
  s.take(CalibrateResult{0, s.calibrations[0].base_version, s.result(0.5), false});
  REQUIRE(s.erasures.size() == 3);
  CHECK(s.server->outcome().version == version);
  s.erase();
  CHECK(s.server->outcome().version == version + 1);
  CHECK(s.model() == doctest::Approx(7 - 4 + 0.5));
  const auto record = s.server->outcome().erasures.at(0).record;
  CHECK(record.merged_at);
  CHECK(record.merged_at == record.forgotten_at);
  CHECK(record.calibrations.count == 1);
  CHECK(record.calibrations.staleness_sum == 1);  // one update came between
  s.update(3, 1);                                 // late; a difference needs no rebase
  CHECK(s.model() == doctest::Approx(4.5));
}

TEST_CASE("afu_ic that calibrates in private, on whole models: late bases get erasure and calibration") {
  Calibrated s("rule = \"fedasync\"\n");
  s.update(0, 4);  // 2
  s.update(1, 2);  // (2 + 2) / 2 = 2, of which 1 is the target's
  s.erase(), s.erase();
  s.update(2, 0);  // (2 + 0) / 2 = 1, of which 0.5 is the target's
  s.take(CalibrateResult{0, s.calibrations.at(0).base_version, s.result(0.25), false});
  s.erase();
  CHECK(s.model() == doctest::Approx(1 - 0.5 + 0.25));
  s.update(3, 1);  // its base, 0, is moved by - 0.5 + 0.25
  CHECK(s.model() == doctest::Approx(0.5 * 0.75 + 0.5 * (1 - 0.25)));
}
