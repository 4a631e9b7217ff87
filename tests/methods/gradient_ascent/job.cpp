#include "methods/gradient_ascent/job.hpp"

#include "engine/execute.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;
using test::Lane;

namespace {

methods::GradientAscentJob ascent(const model::ParametersPtr& base) {
  methods::GradientAscentJob job;
  auto& t = job.training;
  t.base = base;
  t.forget = test::rows(0, 30);
  t.sgd.lr = 0.01;
  t.sgd.momentum = 0.9;
  t.sgd.clip_norm = 1;
  t.epochs = 3;
  t.batch_size = 8;
  t.key = {1, base::purpose("erase"), 0, 0};
  return job;
}

/// Mean probability of the true class on the forget set.
double own_probability(Lane& lane, const model::ParametersPtr& version) {
  const auto samples = test::rows(0, 30);
  return lane.logits(version, samples)
      .softmax(1)
      .gather(1, lane.labels(samples).unsqueeze(1))
      .mean()
      .item<double>();
}

}  // namespace

TEST_CASE("gradient ascent raises the loss on the forget set") {
  Lane lane;
  const auto base = lane.trained(60);
  const auto result = lane.run(ascent(base));
  CHECK(own_probability(lane, lane.plus(base, result.outputs.at(0))) < own_probability(lane, base));
  CHECK(result.samples == 90);
  auto still = ascent(base);
  still.training.sgd.lr = 0;
  CHECK(test::largest(lane.run(still).outputs[0]->values) == 0);
}

TEST_CASE("an erasure that diverges says which of its results is not finite") {
  Lane lane;
  auto job = ascent(lane.trained(60));
  job.training.sgd.clip_norm = 0;
  job.training.sgd.lr = 1e30;
  const auto result = engine::execute(*lane.workspace, job);
  CHECK(result.error.empty());
  CHECK(result.not_finite == std::optional<std::size_t>{0});
}

TEST_CASE("gradient ascent keeps the normalisation's statistics") {
  Lane lane("resnet18", 10, test::small_shape);
  auto job = ascent(lane.initial);
  job.training.forget = test::rows(0, 8);
  job.training.epochs = 1;
  const auto result = lane.run(job);
  CHECK(at::equal(result.outputs[0]->buffers, lane.initial->buffers));
  CHECK(test::largest(result.outputs[0]->values) > 0);
}

TEST_CASE("a gradient ascent that cannot run says why") {
  Lane lane;
  auto job = ascent(nullptr);
  const auto error = [&] { return engine::execute(*lane.workspace, job).error; };
  CHECK(error() == "gradient_ascent: the base is missing");
  job.training.base = lane.initial;
  job.training.forget = test::rows(0, 0);
  CHECK(error() == "gradient_ascent: there are no samples to forget");
  job.training.forget = test::rows(115, 121);
  CHECK(error() == "gradient_ascent: sample 120 is outside the pool of 120");
}
