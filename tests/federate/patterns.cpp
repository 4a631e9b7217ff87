// What the server tells of the search for what an erasure took away.
#include <algorithm>

#include "calibrate/jobs.hpp"
#include "tests/federate/server.hpp"

using namespace afu;
using test::Server;

namespace {

constexpr const char* text =
    "invariance = \"difference\"\n[training]\nrule = \"fedavg\"\n[unlearning]\nmethod = \"afu_ic\"\n[unlearning.afu_ic]\n"
    "erasure = \"uce\"\npublish = \"at_once\"\n[[erasure]]\nclient = 0\nat_round = 3\n";

/// How many warnings there are once a search has found so many patterns of so many, or all searches have in vain.
std::ptrdiff_t warnings(double found, double searched) {
  Server s(text, {}, false, {test::rows(0, 4)});
  for (int round = 0; round < 3; ++round)
    for (std::uint32_t c = 0; c < 4; ++c) s.update(c, 1 + c + round);
  REQUIRE(s.erasures.size() == 1);
  s.take(federate::EraseResult{s.erasures[0].request, s.result(2)});
  const auto told = [&] {
    const auto all = s.server->outcome().warnings;
    return std::count_if(all.begin(), all.end(),
                         [](const auto& w) { return w.find("erasure[0]: no pattern was found") != w.npos; });
  };
  const std::size_t searches = found == 0 && searched > 0 ? 3 : 1;
  for (std::size_t i = 0; i < searches; ++i) {
    REQUIRE(s.calibrations.size() == i + 1);
    const auto task = s.calibrations[i];
    REQUIRE(task.job->as<calibrate::DifferenceJob>());
    CHECK(told() == 0);
    auto answer = std::make_shared<job::JobResult>();
    answer->figures = {{"label", 1}, {"drop", 3}, {"labels", 1}, {"searched", searched}, {"found", found}};
    answer->samples = 10;
    s.take(federate::CalibrateResult{task.request, task.base_version, answer});
  }
  REQUIRE(s.calibrations.size() == searches + 1);
  CHECK(s.calibrations.back().job->as<calibrate::CalibrateJob>());
  const auto& d = *s.server->outcome().erasures.at(0).record.difference;
  CHECK(d.searched == static_cast<std::int64_t>(searches) * static_cast<std::int64_t>(searched));
  CHECK(d.samples == 10 * static_cast<std::int64_t>(searches));
  return told();
}

}  // namespace

TEST_CASE("a search in vain is told: the calibration then is clean training") {
  CHECK(warnings(0, 2) == 1);
  CHECK(warnings(0, 0) == 1);  // of a spread fall, at once
  CHECK(warnings(2, 2) == 0);
}
