// What was erased, told by the models before and after the erasure.
#include "calibrate/jobs.hpp"

#include "calibrate/perturbations.hpp"
#include "config/scenario.hpp"
#include "tests/engine/fixture.hpp"

using namespace afu;

namespace {

/// 150 images, then copies of 100 with a bright 2 x 2 square in the corner and the label 2, then the same copies with
/// their true labels.
std::shared_ptr<const data::Images> poisoned() {
  auto images = std::make_shared<data::Images>(*test::tiny_images(150));
  for (const bool truly : {false, true})
    for (std::int64_t i = 0; i < 100; ++i) {
      std::vector<std::uint8_t> copy(images->pixels.begin() + i * 64, images->pixels.begin() + (i + 1) * 64);
      for (int y : {6, 7})
        for (int x : {6, 7}) copy[static_cast<std::size_t>(y * 8 + x)] = 255;
      images->pixels.insert(images->pixels.end(), copy.begin(), copy.end());
      images->labels.push_back(truly ? images->labels[static_cast<std::size_t>(i)] : 2);
    }
  return images;
}

struct Planted {
  engine::Workspace workspace{model::make_model(test::network("mlp"), test::tiny_shape),
                              engine::make_resident(poisoned(), torch::kCPU), torch::kCPU};
  test::Lane lane{"mlp", 150};
  model::ParametersPtr before, erased;

  Planted() {
    before = trained(lane.initial, 150, 40);
    erased = lowered({0, 0, 20});
  }

  /// The model before with these logits lowered.
  model::ParametersPtr lowered(const std::vector<float>& by) {
    auto values = before->values.clone();
    auto bias = values.narrow(0, values.size(0) - 3, 3);
    bias -= torch::tensor(by);
    return workspace.wrap(values, before->buffers);
  }

  /// On the clean images and 100 rows from `from` on.
  model::ParametersPtr trained(const model::ParametersPtr& base, std::int64_t from, std::int64_t epochs) {
    data::Indices rows = *test::rows(0, 100);
    for (std::int64_t i = from; i < from + 100; ++i) rows.push_back(i);
    train::TrainJob train;
    train.sgd.lr = 0.05;
    train.sgd.momentum = 0.9;
    train.base = base;
    train.samples = std::make_shared<const data::Indices>(rows);
    train.epochs = epochs;
    train.batch_size = 16;
    const auto result = engine::execute(workspace, train);
    REQUIRE(result.error == "");
    return lane.plus(base, result.outputs.at(0));
  }

  calibrate::DifferenceJob job() const {
    calibrate::DifferenceJob j;
    j.before = before;
    j.erased = erased;
    j.environments = {test::rows(100, 125), nullptr, test::rows(125, 150)};
    return j;
  }
};

double at_the_square(const calibrate::UniversalTrigger& t) {
  return t.mask.narrow(0, 6, 2).narrow(1, 6, 2).mean().item<double>();
}

}  // namespace

TEST_CASE("the two models tell the label of what was erased and where it was") {
  Planted p;
  auto job = p.job();
  job.steps = 100;
  const auto found = engine::execute(p.workspace, job);
  REQUIRE(found.error == "");
  CHECK(found.figures.at("label") == 2);
  CHECK(found.figures.at("labels") == 1);
  CHECK(found.figures.at("drop") > found.figures.at("next_drop"));
  CHECK(found.figures.at("searched") == 1);
  CHECK(found.figures.at("found") == 1);
  CHECK(found.figures.at("success") > 0.9);
  CHECK(found.figures.at("erased_success") < found.figures.at("success"));
  const auto patterns = calibrate::from_numbers(found.numbers, torch::zeros({1, 1, 8, 8}));
  REQUIRE(patterns.size() == 1);
  const double inside = at_the_square(patterns[0]);
  CHECK(inside > 2 * (patterns[0].mask.sum().item<double>() - 4 * inside) / 60);
  CHECK(engine::execute(p.workspace, job).numbers == found.numbers);

  const auto order = p.workspace.upload(*test::rows(100, 150));
  const auto others = p.workspace.gather(order, 0, 50).labels.ne(2).sum().item<std::int64_t>();
  CHECK(found.samples == 2 * 50 + others * (job.steps + 2));
  job.batch_size = 8;
  const auto sooner = engine::execute(p.workspace, job);
  CHECK(sooner.samples == 2 * 50 + 8 * job.steps + 2 * others);
  CHECK(sooner.figures.at("label") == 2);
  CHECK(sooner.figures.at("success") > 0.9);
  CHECK(sooner.numbers != found.numbers);
  CHECK(engine::execute(p.workspace, job).numbers == sooner.numbers);
}

TEST_CASE("restarts begin elsewhere, forms take turns, and every pattern that works is kept") {
  Planted p;
  auto job = p.job();
  job.form = config::PatternForm::both;
  job.restarts = 4;
  const auto found = engine::execute(p.workspace, job);
  REQUIRE(found.error == "");
  CHECK(found.figures.at("searched") == 4);
  CHECK(found.figures.at("found") == 4);
  const auto x = torch::zeros({1, 1, 8, 8});
  const auto patterns = calibrate::from_numbers(found.numbers, x);
  REQUIRE(patterns.size() == 4);
  CHECK(test::largest(patterns[1].mask) == 0);
  CHECK(test::largest(patterns[3].mask) == 0);
  CHECK(test::largest(patterns[0].mask) > 0.5);
  CHECK(!at::equal(patterns[0].mask, patterns[2].mask));
  CHECK(!at::equal(patterns[1].added, patterns[3].added));
}

TEST_CASE("where no small pattern works none is returned, and the figures say so") {
  Planted p;
  auto job = p.job();
  job.sparsity = 50;
  const auto found = engine::execute(p.workspace, job);
  REQUIRE(found.error == "");
  CHECK(found.numbers.empty());
  CHECK(found.figures.at("found") == 0);
  CHECK(found.figures.at("success") < 0.5);
}

TEST_CASE(
    "a fall that is spread over more labels than are allowed is not searched, unless they are allowed") {
  Planted p;
  auto job = p.job();
  job.erased = p.lowered({4, 3, 0});
  auto spread = engine::execute(p.workspace, job);
  REQUIRE(spread.error == "");
  CHECK(spread.figures.at("label") == 0);
  CHECK(spread.figures.at("drop") == doctest::Approx(4).epsilon(1e-4));
  CHECK(spread.figures.at("next_drop") == doctest::Approx(3).epsilon(1e-4));
  CHECK(spread.figures.at("labels") == 2);
  CHECK(spread.figures.at("searched") == 0);
  CHECK(spread.figures.count("success") == 0);
  CHECK(spread.numbers.empty());
  CHECK(spread.samples == 2 * 50);
  job.labels = 2;
  CHECK(engine::execute(p.workspace, job).figures.at("searched") == 2);
  job.erased = p.before;
  spread = engine::execute(p.workspace, job);
  CHECK(spread.figures.at("labels") == 0);
  CHECK(spread.figures.at("searched") == 0);
}

TEST_CASE("a search that cannot begin says why") {
  Planted p;
  auto job = p.job();
  job.erased = nullptr;
  CHECK(engine::execute(p.workspace, job).error ==
        "difference_patterns: the inputs are the models before and after the erasure");
  job = p.job();
  job.steps = 0;
  CHECK(engine::execute(p.workspace, job).error ==
        "difference_patterns: labels, restarts and steps are 1 or more, the first restart 0 or more");
}

TEST_CASE("the penalty is the cross entropy of images with a pattern, one after the other") {
  Planted p;
  config::Scenario s;
  s.calibration.invariance = config::Invariance::difference;
  s.calibration.beta = 0;
  auto job = calibrate::calibrate_job(s, 0);
  const auto mask = torch::zeros({8, 8}), added = torch::zeros({1, 8, 8});
  mask.narrow(0, 6, 2).narrow(1, 6, 2).fill_(1);
  added.narrow(1, 6, 2).narrow(2, 6, 2).fill_(1);
  const auto square = calibrate::to_numbers({mask, added});
  const auto nothing = calibrate::to_numbers({torch::zeros({8, 8}), torch::zeros({1, 8, 8})});
  job.trigger = square;
  job.base = p.before;
  job.environments = {test::rows(0, 60), test::rows(60, 100)};
  job.descent.steps = 0;
  const auto looked = engine::execute(p.workspace, job);
  REQUIRE(looked.error == "");

  const auto order =
      p.workspace.upload(*test::rows(250, 350));  // the square is in these, with their own labels
  const auto triggered = p.workspace.gather(order, 0, 100);
  p.workspace.load(*p.before);
  torch::NoGradGuard no_grad;
  const auto expected =
      at::cross_entropy_loss(p.workspace.net().forward(triggered.images), triggered.labels).item<double>();
  CHECK(expected > 1);
  CHECK(looked.figures.at("penalty_before") == doctest::Approx(expected).epsilon(1e-5));
  CHECK(looked.figures.count("kl_before") == 0);

  torch::AutoGradMode with_gradients(true);
  job.descent.steps = 1;
  const auto one = engine::execute(p.workspace, job);
  job.trigger.insert(job.trigger.end(), nothing.begin(), nothing.end());
  CHECK(engine::execute(p.workspace, job).outputs.at(0)->values.equal(one.outputs.at(0)->values));
  job.descent.steps = 2;
  const auto two = engine::execute(p.workspace, job);
  job.trigger = square;
  CHECK(!engine::execute(p.workspace, job).outputs.at(0)->values.equal(two.outputs.at(0)->values));

  job.descent.steps = 30;
  CHECK(engine::execute(p.workspace, job).figures.at("penalty_after") < 0.5 * expected);
}
