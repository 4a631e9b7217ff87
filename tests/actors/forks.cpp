/// Runs that begin from a past computed for another run.
#include "lane/job_cache.hpp"
#include "support.hpp"

using namespace afu;
using namespace afu::test;

namespace {

Played play_with(const std::shared_ptr<lane::JobCache>& cache, std::vector<std::string> set) {
  actors::RunOptions options;
  options.cache = cache;
  auto played = play(small, set, options);
  REQUIRE(played.result.report.failure == "");
  return played;
}

void check_same(const Played& forked, const Played& whole) {
  CHECK(forked.text == whole.text);
  CHECK(forked.result.summary.model_sha256 == whole.result.summary.model_sha256);
  const auto &a = forked.result.report.rows, &b = whole.result.report.rows;
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].version == b[i].version);
    CHECK(a[i].test_accuracy == b[i].test_accuracy);
    CHECK(a[i].mia_auc == b[i].mia_auc);
  }
}

}  // namespace

TEST_CASE("a forked run equals the same run made whole, byte for byte, whatever the method") {
  const auto cache = std::make_shared<lane::JobCache>(100'000'000);
  play_with(cache, {"unlearning.method=none"});
  auto before = cache->counts();
  CHECK(before.found == 0);
  CHECK(before.computed > 18);  // 18 updates, and what was in flight at the request
  for (const char* method : {"afu_ic", "retrain", "fedquit", "federaser", "fedosd", "subtract"}) {
    CAPTURE(method);
    const auto set = std::string("unlearning.method=") + method;
    const auto forked = play_with(cache, {set, "compute.lanes=2"});
    const auto after = cache->counts();
    CHECK(after.found - before.found >= 18);
    CHECK(after.computed - before.computed <= 1);  // nothing of the past is computed again
    before = after;
    check_same(forked, play(small, {set}));
  }
}

TEST_CASE("runs that have no common past take nothing over") {
  const auto cache = std::make_shared<lane::JobCache>(100'000'000);
  play_with(cache, {});
  const auto before = cache->counts();
  for (const char* set : {"scenario.seed=4", "model.name=mlp", "data.difficulty=0.3"}) {
    CAPTURE(set);
    check_same(play_with(cache, {set}), play(small, {set}));
  }
  CHECK(cache->counts().found == before.found);
  check_same(play_with(cache, {"training.lr=0.02"}), play(small, {"training.lr=0.02"}));
  CHECK(cache->counts().found == before.found + 1);  // the initial model is the same, so are its figures
}

TEST_CASE("a cache without room changes nothing but the work") {
  const auto cache = std::make_shared<lane::JobCache>(0);
  check_same(play_with(cache, {}), play(small));
  CHECK(cache->counts().bytes == 0);
}
