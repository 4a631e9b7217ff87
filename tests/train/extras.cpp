#include "engine/execute.hpp"
#include "tests/engine/fixture.hpp"
#include "train/local_training.hpp"
#include "train/train_job.hpp"

using namespace afu;
using test::Lane;

namespace {

train::TrainJob job_for(const Lane& lane) {
  train::TrainJob job;
  job.sgd.lr = 0.05;
  job.base = lane.initial;
  job.samples = test::rows(0, 50);
  job.sgd.momentum = 0.9;
  job.sgd.weight_decay = 1e-2;
  job.epochs = 3;
  job.batch_size = 16;
  job.key = {1, base::purpose("train"), 4, 2};
  return job;
}

train::TrainJob with(train::TrainJob job, train::TrainExtras extras) {
  job.extras = std::make_shared<const train::TrainExtras>(std::move(extras));
  return job;
}

model::ParametersPtr vector(const Lane& lane, const torch::Tensor& values) {
  return lane.workspace->wrap(values, torch::zeros_like(lane.initial->buffers));
}

torch::Tensor trained_by(Lane& lane, const train::TrainJob& job) {
  return lane.run(job).outputs.at(0)->values;
}

}  // namespace

TEST_CASE("what the mask holds does not move, whatever else pulls at it") {
  Lane lane("cnn_small");
  const auto every_third = torch::arange(lane.initial->values.numel()).remainder(3).ne(0).to(torch::kFloat32);
  auto job = job_for(lane);
  job.base = lane.trained(60, 1);
  job.sgd.prox_mu = 0.1;
  job.sgd.clip_norm = 1;
  train::TrainExtras extras;
  extras.mask = vector(lane, every_third);
  extras.anchor = lane.initial;
  extras.strength = 0.1;
  const auto moved = trained_by(lane, with(job, extras));
  CHECK(test::largest(moved.masked_select(every_third == 0)) == 0);
  CHECK(moved.masked_select(every_third == 1).ne(0).to(torch::kFloat32).mean().item<double>() > 0.9);
}

TEST_CASE("extras that say nothing change nothing") {
  Lane lane;
  const auto job = job_for(lane);
  train::TrainExtras everything;
  everything.mask = vector(lane, torch::ones_like(lane.initial->values));
  everything.lr_factor = 7;  // is in the job's step size already
  CHECK(at::equal(trained_by(lane, with(job, {})), trained_by(lane, job)));
  CHECK(at::equal(trained_by(lane, with(job, everything)), trained_by(lane, job)));
}

TEST_CASE("a pull to the base without a Fisher diagonal is the proximal term") {
  Lane lane;
  auto prox = job_for(lane);
  prox.sgd.prox_mu = 0.3;
  train::TrainExtras extras;
  extras.anchor = lane.initial;
  extras.strength = 0.3;
  CHECK(test::largest(trained_by(lane, with(job_for(lane), extras)) - trained_by(lane, prox)) < 1e-6);
  extras.fisher = vector(lane, torch::full_like(lane.initial->values, 0.5));
  extras.strength = 0.6;
  CHECK(test::largest(trained_by(lane, with(job_for(lane), extras)) - trained_by(lane, prox)) < 1e-6);
  CHECK(test::largest(trained_by(lane, job_for(lane)) - trained_by(lane, prox)) > 1e-3);
}

TEST_CASE("the Fisher diagonal holds what it weighs, and lets the rest go") {
  Lane lane;
  const auto half = torch::arange(lane.initial->values.numel()).remainder(2).to(torch::kFloat32);
  train::TrainExtras extras;
  extras.anchor = lane.initial;
  extras.fisher = vector(lane, half);
  extras.strength = 10;
  auto job = job_for(lane);
  job.sgd.momentum = 0;
  job.sgd.weight_decay = 0;
  job.epochs = 20;
  const auto moved = trained_by(lane, with(job, extras)).abs(), free = trained_by(lane, job).abs();
  const auto held = half == 1;
  CHECK(moved.masked_select(held).mean().item<double>() <
        0.5 * free.masked_select(held).mean().item<double>());
  CHECK(moved.masked_select(~held).mean().item<double>() >
        0.5 * free.masked_select(~held).mean().item<double>());
}

TEST_CASE("extras of another model are refused") {
  Lane lane, other("logreg");
  const auto error_of = [&](train::TrainExtras extras) {
    return engine::execute(*lane.workspace, with(job_for(lane), std::move(extras))).error;
  };
  train::TrainExtras extras;
  extras.mask = other.initial;
  CHECK(error_of(extras) == "train: the mask has 195 values where the model has 1363");
  extras.mask = nullptr;
  extras.strength = 1;
  CHECK(error_of(extras) == "train: there is no anchor to pull to");
  extras.anchor = other.initial;
  CHECK(error_of(extras) == "train: the anchor has 195 values where the model has 1363");
  extras.anchor = lane.initial;
  extras.fisher = other.initial;
  CHECK(error_of(extras) == "train: the Fisher diagonal has 195 values where the model has 1363");
}
