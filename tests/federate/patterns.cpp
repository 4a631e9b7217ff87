// What the server tells of the search for what an erasure took away.
#include <algorithm>

#include "calibrate/jobs.hpp"
#include "tests/federate/server.hpp"

using namespace afu;
using test::Server;

namespace {

constexpr const char* text =
    "invariance = \"difference\"\n[training]\nrule = \"fedavg\"\n[unlearning]\nmethod = \"afu_ic\"\n[unlearning.afu_ic]\n"
    "erasure = \"uce\"\nerasure_rounds = 1\n[[erasure]]\nclient = 0\nat_round = 3\n";

/// How many warnings of a search there are once it has found so many patterns.
std::ptrdiff_t warnings(double found) {
  Server s(text, {}, false, {test::rows(0, 4)});
  for (int round = 0; round < 3; ++round)
    for (std::uint32_t c = 0; c < 4; ++c) s.update(c, 1 + c + round);
  REQUIRE(s.erasures.size() == 1);
  s.take(federate::EraseResult{s.erasures[0].request, s.result(2)});
  REQUIRE(s.calibrations.size() == 1);
  const auto task = s.calibrations[0];
  REQUIRE(task.job->as<calibrate::DifferenceJob>());
  auto answer = std::make_shared<job::JobResult>();
  answer->figures = {{"label", 1}, {"drop", 3}, {"labels", 1}, {"searched", 2}, {"found", found}};
  s.take(federate::CalibrateResult{task.request, task.base_version, answer});
  REQUIRE(s.calibrations.size() == 2);
  CHECK(s.calibrations[1].job->as<calibrate::CalibrateJob>());
  const auto all = s.server->outcome().warnings;
  return std::count_if(all.begin(), all.end(),
                       [](const auto& w) { return w.find("erasure[0]: no pattern was found") != w.npos; });
}

}  // namespace

TEST_CASE("a search in vain is told: the calibration then is clean training") {
  CHECK(warnings(0) == 1);
  CHECK(warnings(2) == 0);
}
