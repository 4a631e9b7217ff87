#include "methods/not/job.hpp"

#include "tests/engine/fixture.hpp"

using namespace afu;
using test::Lane;

TEST_CASE("NoT turns the first layer's weights round and nothing else") {
  Lane lane("mlp");
  const auto difference = lane.run(methods::NegateFirstLayerJob{lane.initial}).outputs.at(0);
  const auto after = lane.plus(lane.initial, difference);
  const auto& first = lane.workspace->layout()->parameters.front();
  const auto head = [&](const model::ParametersPtr& v) {
    return v->values.narrow(0, first.offset, first.size);
  };
  CHECK((head(after) + head(lane.initial)).abs().max().item<double>() < 1e-6);
  const auto rest = first.offset + first.size;
  CHECK(at::equal(after->values.narrow(0, rest, after->values.numel() - rest),
                  lane.initial->values.narrow(0, rest, after->values.numel() - rest)));
}

TEST_CASE("NoT without a model says so") {
  Lane lane("mlp");
  CHECK(engine::execute(*lane.workspace, methods::NegateFirstLayerJob{}).error ==
        "negate_first_layer: the model is missing");
}
