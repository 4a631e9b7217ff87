#include "attack/compare.hpp"

#include <cmath>

#include "metrics/evaluate_job.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;
using namespace afu::attack;
using namespace afu::test;

namespace {
double value(const std::vector<ComparisonRow>& all, const std::string& run, const std::string& reference,
             const std::string& set, const std::string& figure) {
  for (const auto& r : all)
    if (r.run == run && r.reference == reference && r.set == set && r.figure == figure) return r.value;
  FAIL("no row for " << run << ", " << reference << ", " << set << ", " << figure);
  return 0;
}
}  // namespace

TEST_CASE("compare: runs against each reference and their mean, references among themselves beside it") {
  Lane lane("mlp", 160);
  const auto with = lane.trained(40, 300);  // knows rows 0 to 40
  const auto noise = [&](double by) {
    return lane.workspace->wrap(lane.initial->values + by, lane.initial->buffers);
  };
  const auto one = lane.initial, two = noise(1e-3);
  metrics::EvaluationSets sets;
  sets.forget = rows(0, 40);
  sets.holdout = rows(40, 80);
  sets.test = rows(80, 160);
  const auto comparison =
      compare(*lane.workspace, {{"knows", with}, {"one", one}}, {{"one", one}, {"two", two}}, sets, 64);
  CHECK(comparison.not_finite.empty());
  const auto& all = comparison.rows;

  CHECK(value(all, "knows", "one", "forget", "js") > 0.1);
  CHECK(value(all, "knows", "one", "forget", "js_bits") ==
        doctest::Approx(value(all, "knows", "one", "forget", "js") / std::log(2.0)));
  CHECK(value(all, "knows", mean_of_references, "test", "kl") ==
        doctest::Approx(
            (value(all, "knows", "one", "test", "kl") + value(all, "knows", "two", "test", "kl")) / 2));
  CHECK(value(all, among_references, mean_of_references, "forget", "js") < 1e-4);  // the floor
  CHECK(value(all, "one", "two", "parameters", "absolute") ==
        doctest::Approx(1e-3 * std::sqrt(static_cast<double>(one->values.numel()))).epsilon(1e-3));
  CHECK(value(all, "knows", "one", "membership", "dmia_auc") > 0.5);
  // Each way round the AUCs add up to 1, so both are as far from chance.
  CHECK(value(all, among_references, mean_of_references, "membership", "dmia_distance") ==
        doctest::Approx(std::abs(value(all, "one", "two", "membership", "dmia_auc") - 0.5)));
  for (const auto& r : all) {
    CHECK_FALSE((r.run == among_references && r.figure == "dmia_auc"));  // 0.5 by construction
    CHECK_FALSE((r.run == r.reference));                                 // no model against itself
    CHECK_FALSE((r.set == "triggered"));                                 // there is no backdoor
  }
  // With one reference there is no floor.
  for (const auto& r : compare(*lane.workspace, {{"knows", with}}, {{"one", one}}, sets, 64).rows)
    CHECK(r.run == "knows");
}

TEST_CASE("compare: models that are not finite are named, and are far from and close to nothing") {
  Lane lane("mlp", 120);
  const auto nan = lane.workspace->wrap(lane.initial->values * std::nan(""), lane.initial->buffers);
  metrics::EvaluationSets sets;
  sets.forget = rows(0, 40);
  sets.holdout = rows(40, 80);
  sets.test = rows(80, 120);
  const auto c = compare(*lane.workspace, {{"run", nan}, {"good", lane.trained(40, 20)}},
                         {{"one", lane.initial}, {"lost", nan}}, sets, 64);
  CHECK(c.not_finite == std::vector<std::string>{"run", "lost"});
  for (const auto& r : c.rows) {
    CAPTURE(r.run + " " + r.reference + " " + r.set + " " + r.figure);
    CHECK(std::isnan(r.value) == !(r.run == "good" && r.reference == "one"));
  }
}
