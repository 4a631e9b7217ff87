#include "calibrate/jobs.hpp"

#include "calibrate/perturbations.hpp"
#include "engine/execute.hpp"
#include "tests/engine/fixture.hpp"
#include "train/train_job.hpp"

using namespace afu;

namespace {

/// 150 images, then copies of 100 with a bright 2 x 2 square in the corner and the label 2.
std::shared_ptr<const data::Images> poisoned() {
  auto images = std::make_shared<data::Images>(*test::tiny_images(150));
  for (std::int64_t i = 0; i < 100; ++i) {
    std::vector<std::uint8_t> copy(images->pixels.begin() + i * 64, images->pixels.begin() + (i + 1) * 64);
    for (int y : {6, 7})
      for (int x : {6, 7}) copy[static_cast<std::size_t>(y * 8 + x)] = 255;
    images->pixels.insert(images->pixels.end(), copy.begin(), copy.end());
    images->labels.push_back(2);
  }
  return images;
}

calibrate::TriggerJob search_job(const model::ParametersPtr& version) {
  calibrate::TriggerJob job;
  job.steps = 200;
  job.lr = 0.1;
  job.sparsity = 0.05;
  job.model = version;
  job.environments = {test::rows(100, 125), test::rows(125, 150)};
  return job;
}

}  // namespace

TEST_CASE("the search finds a planted trigger: its label and where it is") {
  test::Lane lane("mlp", 150);
  engine::Workspace workspace(model::make_model(test::network("mlp"), test::tiny_shape),
                              engine::make_resident(poisoned(), torch::kCPU), torch::kCPU);
  data::Indices rows = *test::rows(0, 100);
  for (std::int64_t i = 150; i < 250; ++i) rows.push_back(i);
  train::TrainJob train;
  train.sgd.lr = 0.05;
  train.base = lane.initial;
  train.samples = std::make_shared<const data::Indices>(rows);
  train.sgd.momentum = 0.9;
  train.epochs = 40;
  train.batch_size = 16;
  const auto trained = engine::execute(workspace, train);
  REQUIRE(trained.error == "");
  const auto version = lane.plus(lane.initial, trained.outputs.at(0));

  const auto found = engine::execute(workspace, search_job(version));
  REQUIRE(found.error == "");
  CHECK(found.figures.at("label") == 2);
  CHECK(found.figures.at("success") > 0.9);
  const auto trigger = calibrate::from_numbers(found.numbers, torch::zeros({1, 1, 8, 8})).at(0);
  const double in_place = trigger.mask.narrow(0, 6, 2).narrow(1, 6, 2).mean().item<double>();
  const double elsewhere = (trigger.mask.sum().item<double>() - 4 * in_place) / 60;
  CHECK(in_place > 2 * elsewhere);
  CHECK(found.samples > 0);
  const auto again = engine::execute(workspace, search_job(version));
  CHECK(again.numbers == found.numbers);
}

TEST_CASE("a search that cannot begin says why") {
  test::Lane lane;
  auto job = search_job(nullptr);
  CHECK(engine::execute(*lane.workspace, job).error == "adversarial_trigger: the input is the model");
  job = search_job(lane.initial);
  job.environments.clear();
  CHECK(engine::execute(*lane.workspace, job).error ==
        "adversarial_trigger: there are no samples to search a trigger on");
}
