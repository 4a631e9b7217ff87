#include "methods/knot/job.hpp"

#include "engine/execute.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;
using test::Lane;

namespace {

methods::AccuraciesJob job_for(std::vector<model::ParametersPtr> models, data::IndicesPtr rows) {
  return {std::move(models), std::move(rows), 16};
}

}  // namespace

TEST_CASE("accuracies are the shares of rows that each model recognises") {
  Lane lane;
  const auto trained = lane.trained(60);
  const auto rows = test::rows(60, 110);
  const auto result = lane.run(job_for({lane.initial, trained}, rows));
  REQUIRE(result.numbers.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    const auto right = lane.logits(i == 0 ? lane.initial : trained, rows).argmax(1).eq(lane.labels(rows));
    CHECK(result.numbers[i] == doctest::Approx(right.to(torch::kFloat64).mean().item<double>()));
  }
  CHECK(result.numbers[1] > result.numbers[0]);
  CHECK(result.samples == 100);
  CHECK(result.outputs.empty());
}

TEST_CASE("accuracies that cannot be measured say why") {
  Lane lane;
  CHECK(engine::execute(*lane.workspace, job_for({lane.initial}, test::rows(0, 0))).error ==
        "accuracies: there are no samples to measure on");
  CHECK(engine::execute(*lane.workspace, job_for({nullptr}, test::rows(0, 1))).error ==
        "accuracies: a cluster's model is missing");
}
