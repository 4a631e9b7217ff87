#include <string>

#include "methods/sifu/job.hpp"
#include "tests/federate/server.hpp"

using namespace afu;
using namespace afu::federate;
using test::Server;

namespace {

const std::string asking =
    "[training]\nserver_lr = 1\nstaleness = \"constant\"\nweight_by_samples = false\n[unlearning]\nmethod = "
    "\"sifu\"\n[[erasure]]\nclient = 0\nat_update = 8\n[[erasure]]\nclient = 1\nat_update = 12\n";

ResultPtr computed(Server& s, const EraseTask& task) {
  return std::make_shared<const job::JobResult>(s.lane.run(*task.job));
}

}  // namespace

TEST_CASE(
    "sifu goes back to before the target moved the model, and a later request to no version from after that") {
  Server s(asking, {"unlearning.sifu.sigma=1e-4"});
  for (std::uint32_t c : {2, 3, 2, 3}) s.update(c, 1);
  s.update(0, 40);
  for (std::uint32_t c : {2, 3, 2}) s.update(c, 1);
  for (std::uint32_t c : {1, 2, 3}) s.update(c, 1);  // drained
  REQUIRE(s.erasures.size() == 1);
  const auto& job = *s.erasures[0].job->as<methods::SifuJob>();
  CHECK_FALSE(job.mean);
  CHECK(job.rounds.size() == 2);
  CHECK(job.threshold == doctest::Approx(methods::sifu_threshold(1, 0.25, 1e-4)));
  s.take(EraseResult{0, computed(s, s.erasures[0])});
  const auto version = s.server->evaluation(0).model->values;
  CHECK(test::largest(version - 4) < 1e-3);  // with noise
  CHECK(test::largest(version - 4) > 0);
  CHECK(s.server->outcome().erasures.at(0).record.updates_lost == 6);
  s.update(2, 1);
  s.update(2, 1), s.update(3, 1);
  REQUIRE(s.erasures.size() == 2);
  const auto& second = *s.erasures[1].job->as<methods::SifuJob>();
  CHECK(second.rounds.size() == 1);  // that with client 0's update is gone
  s.take(EraseResult{1, computed(s, s.erasures[1])});
  CHECK(test::largest(s.server->evaluation(0).model->values - 4) < 1e-3);
}
