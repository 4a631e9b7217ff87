#include "methods/afu_ic/uce_job.hpp"

#include "tests/engine/fixture.hpp"

using namespace afu;
using test::Lane;

namespace {
methods::UceJob job_for(const model::ParametersPtr& base, double radius) {
  methods::UceJob job;
  job.training.base = base;
  job.training.forget = test::rows(0, 60);
  job.training.sgd.lr = 0.1;
  job.training.sgd.momentum = 0.9;
  job.training.sgd.clip_norm = 1.0;
  job.training.epochs = 5;
  job.training.batch_size = 16;
  job.radius = radius;
  return job;
}
}  // namespace

TEST_CASE("the unlearning cross entropy makes a client's own labels unlikely, within the ball") {
  Lane lane;
  const auto base = lane.trained(60, 3);  // a saturated model has next to no gradient
  const auto own = [&](const model::ParametersPtr& v) {
    return lane.logits(v, test::rows(0, 60))
        .softmax(1)
        .gather(1, lane.labels(test::rows(0, 60)).unsqueeze(1));
  };
  const double before = own(base).mean().item<double>();
  const auto free = lane.run(job_for(base, 0));
  CHECK(own(lane.plus(base, free.outputs.at(0))).mean().item<double>() < 0.8 * before);
  const double distance = free.figures.at("distance");
  const auto held = lane.run(job_for(base, distance / 4));
  CHECK(held.figures.at("distance") == doctest::Approx(distance / 4).epsilon(1e-3));
  CHECK(free.samples == 300);
}
