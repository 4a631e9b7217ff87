// What was erased, told by the models before and after the erasure.
#include "calibrate/jobs.hpp"

#include "calibrate/perturbations.hpp"
#include "config/scenario.hpp"
#include "engine/combine_job.hpp"
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

TEST_CASE("the units that the patterns raise most are pruned, and a calibration keeps them so") {
  Planted p;
  auto job = p.job();
  job.steps = 100;
  CHECK(engine::execute(p.workspace, job).outputs.empty());
  job.prune = 0.25;
  const auto found = engine::execute(p.workspace, job);
  REQUIRE(found.error == "");
  CHECK(found.figures.at("pruned") == 4);
  const auto& mask = found.outputs.at(0)->values;
  const auto head = model::head_range(p.workspace.net(), *p.workspace.layout());
  REQUIRE(head.features == 16);
  CHECK(mask.eq(0).sum().item<std::int64_t>() == 4 * head.classes);
  const auto zeros = mask.narrow(0, head.offset, head.classes * 16).view({head.classes, 16}).eq(0).all(0);
  CHECK(zeros.sum().item<std::int64_t>() == 4);

  p.workspace.load(*p.before);
  const auto order = p.workspace.upload(*test::rows(100, 150));
  const auto batch = p.workspace.gather(order, 0, 50);
  const auto others = batch.images.index_select(0, batch.labels.ne(2).nonzero().squeeze(1));
  const auto pattern = calibrate::from_numbers(found.numbers, others).front();
  const auto turned = [&](const torch::Tensor& kept) {
    p.workspace.load(*p.workspace.wrap(p.before->values * kept, p.before->buffers));
    return p.workspace.net().forward(calibrate::with_universal_trigger(others, pattern)).argmax(1).eq(2);
  };
  torch::Tensor rise;
  {
    torch::NoGradGuard no_grad;
    auto& net = p.workspace.net();
    rise = (net.features(calibrate::with_universal_trigger(others, pattern)) - net.features(others)).mean(0);
    const double least = rise.masked_select(zeros).min().item<double>();
    CHECK(least > 0);
    CHECK(rise.masked_select(zeros.logical_not()).max().item<double>() <= least);
    CHECK(turned(mask).sum().item<std::int64_t>() <
          turned(torch::ones_like(mask)).sum().item<std::int64_t>());
  }

  config::Scenario s;
  s.calibration.beta = 0;
  for (const bool adam : {false, true})
    for (const double sharpness : {0.0, 0.1})
      for (const double fisher : {0.0, 0.01})
        for (const std::int64_t stages : {1, 3}) {
          auto c = calibrate::calibrate_job(s, 0);
          c.base = c.erased = p.before;
          c.erasure = p.workspace.wrap(torch::full_like(mask, 0.01), p.before->buffers);
          c.fisher = p.workspace.wrap(torch::ones_like(mask), p.before->buffers);
          c.environments = {test::rows(0, 60), test::rows(60, 100)};
          c.descent.steps = 3;
          c.descent.adam = adam;
          c.descent.sharpness = sharpness;
          c.descent.fisher = fisher;
          c.descent.proximal = true;
          c.descent.stages = stages;
          c.mask = found.outputs.at(0);
          const auto first = engine::execute(p.workspace, c);
          REQUIRE(first.error == "");
          CHECK(first.figures.at("slipped") == 4 * head.classes);
          const auto w = p.before->values + first.outputs.at(0)->values;
          CHECK(test::largest(w.masked_select(mask.eq(0))) < 1e-6);
          CHECK(test::largest(first.outputs.at(0)->values * mask) > 0);
        }
  auto again = calibrate::calibrate_job(s, 0);
  again.base = p.workspace.wrap(p.before->values * mask, p.before->buffers);
  again.environments = {test::rows(0, 60)};
  again.mask = found.outputs.at(0);
  CHECK(engine::execute(p.workspace, again).figures.at("slipped") == 0);

  job.prune = 1;  // one unit stays at least, and so do those that no pattern raises
  const auto most = engine::execute(p.workspace, job);
  CHECK(most.figures.at("pruned") == std::min<std::int64_t>(15, rise.gt(0).sum().item<std::int64_t>()));
}

TEST_CASE("what raises the risk of images with a pattern, as differences give it; a guard takes it out") {
  Planted p;
  const auto mask = torch::zeros({8, 8}), added = torch::zeros({1, 8, 8});
  mask.narrow(0, 6, 2).narrow(1, 6, 2).fill_(1);
  added.narrow(1, 6, 2).narrow(2, 6, 2).fill_(1);
  calibrate::PatternGradientJob job;
  job.model = p.before;
  job.environments = {test::rows(0, 60), test::rows(60, 100)};
  job.patterns = calibrate::to_numbers({mask, added});
  const auto result = engine::execute(p.workspace, job);
  REQUIRE(result.error == "");
  CHECK(result.samples == 100);
  const auto& downhill = result.outputs.at(0)->values;
  const double steep = downhill.norm().item<double>();
  CHECK(steep > 0.1);
  const auto risk = [&](const torch::Tensor& values) {
    job.model = p.workspace.wrap(values, p.before->buffers);
    return engine::execute(p.workspace, job).figures.at("risk");
  };
  const double h = 1e-2;
  const auto along = downhill / steep;
  CHECK((risk(p.before->values + along * h) - risk(p.before->values - along * h)) / (2 * h) ==
        doctest::Approx(-steep).epsilon(0.02));
  CHECK(result.figures.at("risk") == doctest::Approx(risk(p.before->values)));

  const auto guard =
      std::make_shared<const engine::Guard>(engine::Guard{result.outputs[0], {result.outputs[0]}});
  torch::manual_seed(4);
  for (const double uphill : {2.0, -2.0}) {
    const auto sideways = torch::randn_like(downhill);
    const auto delta = sideways - along * (along * sideways).sum() - along * uphill;
    engine::CombineJob merge;
    const auto term = p.workspace.wrap(delta, torch::empty({0}));
    merge.outputs.push_back({nullptr, 1.0, {{1.0, term, nullptr, {guard}}}, {}});
    const auto merged = engine::execute(p.workspace, merge);
    const auto kept = uphill > 0 ? delta + along * uphill : delta;
    CHECK(test::largest(merged.outputs.at(0)->values - kept) < 1e-4);
    CHECK(merged.figures.at("projected.0") == (uphill > 0 ? 1 : 0));
    CHECK(merged.figures.at("cosine.0") ==
          doctest::Approx(uphill / delta.norm().item<double>()).epsilon(1e-3));
  }

  const auto nothing = calibrate::to_numbers({torch::zeros({8, 8}), torch::zeros({1, 8, 8})});
  job.model = p.before;
  job.patterns.insert(job.patterns.end(), nothing.begin(), nothing.end());
  CHECK(engine::execute(p.workspace, job).outputs.at(0)->values.equal(downhill));
  job.turn = 1;
  CHECK(engine::execute(p.workspace, job).figures.at("risk") < result.figures.at("risk"));
  job.turn = 2;
  CHECK(engine::execute(p.workspace, job).figures.at("risk") == result.figures.at("risk"));
}

TEST_CASE("a search that cannot begin says why") {
  Planted p;
  auto job = p.job();
  job.erased = nullptr;
  CHECK(engine::execute(p.workspace, job).error ==
        "difference_patterns: the inputs are the models before and after the erasure");
  job = p.job();
  job.steps = 0;
  CHECK(
      engine::execute(p.workspace, job).error ==
      "difference_patterns: labels, candidates, restarts and steps are 1 or more, the first restart 0 or more");
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

TEST_CASE("of several candidates the one is taken whose pattern the erasure took most from") {
  Planted p;
  auto job = p.job();
  job.restarts = 2;
  job.candidates = 3;
  for (const std::int64_t label : {0, 2}) {
    std::vector<float> by(3, 0);
    by[static_cast<std::size_t>(label)] = 20;
    job.erased = p.lowered(by);
    const auto taken = engine::execute(p.workspace, job);
    REQUIRE(taken.error == "");
    CHECK(taken.figures.at("label") == label);
    CHECK(taken.figures.at("drop") == doctest::Approx(20).epsilon(1e-3));
    CHECK(taken.figures.at("searched") == 4);  // each label once, one again
    CHECK(taken.figures.at("found") == 2);
    CHECK(taken.figures.at("taken") > 1);
    CHECK(taken.figures.at("taken") > taken.figures.at("next_taken"));
    auto alone = job;
    alone.candidates = 1;
    CHECK(engine::execute(p.workspace, alone).numbers == taken.numbers);
  }
}

TEST_CASE("candidates are searched however spread the fall") {
  Planted p;
  auto job = p.job();
  job.erased = p.lowered({8, 0, 5});
  const auto fallen = engine::execute(p.workspace, job);
  REQUIRE(fallen.error == "");
  CHECK(fallen.figures.at("labels") == 2);
  CHECK(fallen.figures.at("searched") == 0);
  job.candidates = 9;  // there are three labels
  const auto taken = engine::execute(p.workspace, job);
  REQUIRE(taken.error == "");
  CHECK(taken.figures.at("labels") == 2);
  CHECK(taken.figures.at("searched") == 3);
  CHECK(taken.figures.at("found") == 1);
}

TEST_CASE("where the erasure took nothing from any candidate's pattern none counts") {
  Planted p;
  auto job = p.job();
  job.candidates = 2;
  job.erased = p.before;
  const auto found = engine::execute(p.workspace, job);
  REQUIRE(found.error == "");
  CHECK(found.figures.at("taken") == 0);
  CHECK(found.figures.at("found") == 0);
  CHECK(found.figures.at("searched") == 2);
  CHECK(found.numbers.empty());
}
