#include "methods/maverick/job.hpp"

#include "engine/execute.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;
using test::Lane;

namespace {

methods::MaverickJob sensitivity(const model::ParametersPtr& base) {
  methods::MaverickJob job;
  job.training.base = base;
  job.training.forget = test::rows(0, 30);
  job.training.sgd.lr = 0.02;
  job.training.sgd.momentum = 0.9;
  job.training.epochs = 3;
  job.training.batch_size = 10;
  job.training.key = {1, base::purpose("test"), 0, 0};
  job.draws = 4;
  return job;
}

}  // namespace

TEST_CASE("maverick's loss of a linear model by hand: |W e| / |e| where it begins") {
  Lane lane("logreg");
  auto job = sensitivity(lane.trained(60));
  job.training.epochs = 1;
  job.training.batch_size = 30;
  job.training.sgd.lr = 1e-9;
  job.draws = 1;
  job.min_sigma = job.max_sigma = 0.3;
  auto key = job.training.key;
  key.purpose = base::purpose("maverick.noise");
  base::Stream stream(key);
  stream.uniform();
  auto noise = torch::empty({30, 64}, torch::kFloat32);
  for (std::int64_t i = 0; i < noise.numel(); ++i)
    noise.data_ptr<float>()[i] = static_cast<float>(0.3 * stream.normal());
  const auto& values = job.training.base->values;
  const auto& layout = *job.training.base->layout;
  torch::Tensor weight;
  for (const auto& slot : layout.parameters)
    if (slot.size == 3 * 64) weight = values.narrow(0, slot.offset, slot.size).view({3, 64});
  REQUIRE(weight.defined());
  const auto ratio = (at::matmul(noise, weight.t()).norm(2, 1) / noise.norm(2, 1)).mean().item<double>();
  CHECK(lane.run(job).figures.at("loss") == doctest::Approx(ratio).epsilon(1e-3));
}

TEST_CASE("maverick lowers the sensitivity to the noise, the same each time") {
  Lane lane;
  auto job = sensitivity(lane.trained(60));
  job.training.sgd.lr = 0.005;
  job.min_sigma = job.max_sigma = 0.5;
  const auto result = lane.run(job);
  CHECK(result.samples == 3 * 30 * (1 + 4));
  CHECK(at::equal(lane.run(job).outputs.at(0)->values, result.outputs.at(0)->values));
  auto idle = job;  // sees the same noise in the same order, and does not move
  idle.training.sgd.lr = 1e-9;
  CHECK(result.figures.at("loss") < 0.99 * lane.run(idle).figures.at("loss"));
  CHECK(test::largest(result.outputs.at(0)->values) > 1e-4);
  job.training.base = nullptr;
  CHECK(engine::execute(*lane.workspace, job).error == "maverick: the base is missing");
  job.training.base = lane.initial;
  job.training.forget = test::rows(0, 0);
  CHECK(engine::execute(*lane.workspace, job).error == "maverick: there are no samples to forget");
}
