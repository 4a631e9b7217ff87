// The server without actors: running statistics after an erasure.
#include "engine/combine_job.hpp"
#include "methods/statistics_job.hpp"
#include "server.hpp"

using namespace afu;
using namespace afu::federate;
using test::Server;

namespace {

std::string erasing(const std::string& method) {
  return "[training]\nserver_lr = 0.5\nstaleness = \"constant\"\nweight_by_samples = "
         "false\n[unlearning]\nmethod = \"" +
         method + "\"\n[[erasure]]\nclient = 0\nat_update = 2\n";
}

double buffer(const Server& s) {
  const auto b = s.server->evaluation(0).model->buffers;
  CHECK(test::largest(b - b[0]) == 0);
  return b[0].item<double>();
}

/// What the calibrator answers: the model, with statistics of this value.
ResultPtr taken(const Server& s, double value) {
  auto r = std::make_shared<job::JobResult>();
  r->outputs = {s.vector(value)};
  return r;
}

}  // namespace

TEST_CASE("an erasure publishes no statistics that hold the target's, and late updates bring none back") {
  Server s(erasing("subtract"), {}, false, {}, {100, 100, 100, 100}, "resnet18");
  s.update(0, 4), s.update(1, 2);
  CHECK(buffer(s) == doctest::Approx(2));
  CHECK(s.model() == doctest::Approx(3));  // not merged yet
  REQUIRE(s.calibrations.size() == 1);
  const auto& task = s.calibrations[0];
  const auto& job = *task.job->as<methods::StatisticsJob>();
  const auto model = s.lane.run(engine::CombineJob{{job.model}}).outputs.at(0);
  CHECK(model->values[0].item<double>() == doctest::Approx(1));  // of the model that is going to be published
  CHECK_FALSE(s.server->outcome().erasures.at(0).record.merged_at);

  s.take(CalibrateResult{0, task.base_version, taken(s, 9), false});
  CHECK(buffer(s) == 9);
  CHECK(s.model() == doctest::Approx(1));
  CHECK(s.server->outcome().erasures.at(0).record.forgotten_at);

  s.update(2, 2);  // late
  CHECK(buffer(s) == 9);
  CHECK(s.model() == doctest::Approx(2));
  s.update(2, 5);
  CHECK(buffer(s) == doctest::Approx((9 + 5) / 2.0));
}

TEST_CASE("a model that is replaced has its statistics taken as well") {
  Server s(erasing("fedosd"), {"unlearning.fedosd.rounds=1", "unlearning.fedosd.recovery_rounds=0"}, false,
           {test::rows(0, 1)}, {100, 100, 100, 100}, "resnet18");
  s.update(0, 4), s.update(1, 2);
  for (std::uint32_t c : {2u, 3u, 1u})
    if (s.tasks.at(c).epoch == 0) s.update(c, 0);
  REQUIRE(s.collects.size() == 4);
  for (const auto& [client, work] : std::vector<std::pair<std::uint32_t, CollectTask>>(s.collects))
    s.take(CollectResult{0, client, work.job, s.result(1)});
  REQUIRE(s.erasures.size() == 1);
  s.take(EraseResult{0, s.result(7)});
  REQUIRE(s.calibrations.size() == 1);
  CHECK_FALSE(s.server->outcome().erasures.at(0).record.merged_at);
  s.take(CalibrateResult{0, s.calibrations[0].base_version, taken(s, 9), false});
  CHECK(buffer(s) == 9);
  CHECK(s.server->outcome().erasures.at(0).record.forgotten_at);
}

TEST_CASE("a network without statistics, and a retraining, ask for none") {
  Server plain(erasing("subtract"));
  plain.update(0, 4), plain.update(1, 2);
  CHECK(plain.calibrations.empty());
  CHECK(plain.server->outcome().erasures.at(0).record.merged_at);
  Server again(erasing("retrain"), {}, false, {}, {100, 100, 100, 100}, "resnet18");
  again.update(0, 4), again.update(1, 2);
  CHECK(again.calibrations.empty());
  CHECK(buffer(again) == 0);  // the initial ones
}
