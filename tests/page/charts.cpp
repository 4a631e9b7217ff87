/// What charts show, of logs whose figures are known by counting.
#include "page/charts.hpp"

#include <algorithm>
#include <string>

#include "tests/figures/study_folder.hpp"

#include <doctest/doctest.h>

using namespace afu;
using namespace afu::figures;
using namespace afu::page;
using doctest::Approx;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

record::MetricsRow row(double time, std::uint64_t updates, std::optional<double> attack) {
  record::MetricsRow r;
  r.time = time;
  r.version = updates;
  r.updates = updates;
  r.attack_success_rate = attack;
  return r;
}

const Chart* find(const std::vector<Chart>& all, const std::string& id) {
  const auto at = std::find_if(all.begin(), all.end(), [&](const Chart& c) { return c.id == id; });
  return at == all.end() ? nullptr : &*at;
}

}  // namespace

TEST_CASE("a run's curve has every version, and a gap where one lacks the figure") {
  Run run;
  run.rows = {row(1, 4, 0.9), row(2, 8, 0.8), row(3, 12, std::nullopt), row(4, 16, 0.25)};
  const auto charts = metric_curves(run);
  REQUIRE(charts.size() == 1);
  CHECK(to_csv(charts[0].data) ==
        "time (s),version,updates,attack_success_rate (%)\n1,4,4,90\n2,8,8,80\n4,16,16,25\n");
  CHECK(contains(charts[0].caption, "Of 1 version it is missing: there the line is broken."));
  std::size_t lines = 0;
  for (auto at = charts[0].svg.find("class=\"line"); at != std::string::npos;
       at = charts[0].svg.find("class=\"line", at + 1))
    ++lines;
  CHECK(lines == 2);
}

TEST_CASE("the distance to the reference is the mean over the metrics that both have") {
  record::Figures a{0.8, 0.5, std::nullopt, 0.1, 0.6}, b{0.7, 0.9, 0.3, 0.1, std::nullopt};
  CHECK(*distance(a, b) == Approx((0.1 + 0.4 + 0.0) / 3));
  CHECK_FALSE(distance({}, b));
}

TEST_CASE("differences are by seed, and the latency's share counts requests") {
  test::SyntheticStudy made({1, 2, 3});
  test::fill_good_study(made);  // test accuracy of mine: 0.8 + 0.001 (seed mod 3)
  const Analysis a(read_study(made.folder.path()));
  const auto strips = difference_strips(a, 0);
  const auto* test_accuracy = find(strips, "difference-test-accuracy");
  REQUIRE(test_accuracy);
  const auto csv = to_csv(test_accuracy->data);
  CHECK(contains(csv, "arm,seed,test_accuracy difference (pp)\n"));
  std::vector<double> mine;
  for (const auto& r : test_accuracy->data.rows)
    if (r[0].text == "mine") mine.push_back(std::stod(r[2].csv));
  REQUIRE(mine.size() == 3);
  CHECK(mine[0] == Approx(0.1));
  CHECK(mine[1] == Approx(0.2));
  CHECK(mine[2] == Approx(0.0));
  // Seeds 1 to 3 of mine at 2 s each; of barrier the first at 25 s.
  const auto latency = to_csv(latency_distributions(a, 0).data);
  CHECK(contains(latency, "mine,2,0.3333"));
  CHECK(contains(latency, "barrier,25,0.3333"));
}
