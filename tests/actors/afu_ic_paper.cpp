// The arm of AFU-IC's paper as it is reported: what is merged meanwhile is lost, and counted.
#include "support.hpp"

using namespace afu;

TEST_CASE("afu_ic_paper: a run loses updates, tells how many in log and summary, and is the same each time") {
  const std::vector<std::string> set{"unlearning.method=afu_ic_paper", "unlearning.pga.epochs=1",
                                     "stop.updates=60"};
  const auto run = test::play(test::small, set);
  REQUIRE(run.result.report.failure == "");
  const auto& e = run.result.summary.erasures.at(0);
  CHECK(e.forgotten_at);
  REQUIRE(e.updates_lost);
  std::int64_t merged = 0, told = -1;
  for (const auto& line : run.log) {
    if (!line.contains("decision")) continue;
    const auto t = line["t"].get<double>();
    if (line["decision"] == "merged" && t > *e.requested_at && t < *e.merged_at) ++merged;
    if (line["decision"] == "replaced") told = line["updates_lost"].get<std::int64_t>();
  }
  CHECK(merged > 0);
  // All of these are of clients that stay, in versions after the snapshot.
  CHECK(*e.updates_lost == merged);
  CHECK(told == merged);
  CHECK(e.calibrations.count == 1);
  auto more = set;
  more.push_back("compute.lanes=3");
  const auto again = test::play(test::small, more);
  CHECK(again.text == run.text);
  CHECK(again.result.summary.model_sha256 == run.result.summary.model_sha256);
}
