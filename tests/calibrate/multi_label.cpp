// Calibration on images with any number of labels.
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "calibrate/jobs.hpp"
#include "calibrate/losses.hpp"
#include "config/scenario.hpp"
#include "engine/task_loss.hpp"
#include "tests/engine/sets_fixture.hpp"

using namespace afu;
using test::SetsLane;

namespace {

torch::Tensor some_logits() { return torch::arange(21, torch::kFloat64).mul(1.7).sin().mul(3).view({7, 3}); }
torch::Tensor some_labels() { return torch::arange(21).remainder(5).lt(2).to(torch::kUInt8).view({7, 3}); }

std::vector<data::IndicesPtr> environments() { return {test::rows(60, 80), test::rows(80, 120)}; }

calibrate::CalibrateJob job_for(SetsLane& lane, const calibrate::Objective& objective) {
  auto job = calibrate::calibrate_job(config::Scenario{}, 0);
  job.descent.steps = 10;
  job.descent.stages = 1;
  job.base = lane.initial;
  job.before = lane.trained(60, 5);
  job.erased = lane.initial;
  job.environments = environments();
  job.objective = objective;
  return job;
}

}  // namespace

TEST_CASE("sets: the IRM penalty is the squared derivative by the dummy scale") {
  const auto z = some_logits(), y = some_labels();
  const double h = 1e-5;
  const auto risk = [&](double scale) { return calibrate::environment_risk(z * scale, y).item<double>(); };
  const double derivative = (risk(1 + h) - risk(1 - h)) / (2 * h);
  CHECK(calibrate::irm_penalty(z, y).item<double>() ==
        doctest::Approx(derivative * derivative).epsilon(1e-7));
}

TEST_CASE("sets: the distillation KL is that of each label's two answers, mean over labels") {
  const auto z = some_logits();
  const auto teacher = engine::log_probabilities(z * 0.3 + 0.2, true);
  const auto p = (z * 0.3 + 0.2).sigmoid(), q = z.sigmoid();
  const auto expected = (p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()).mean();
  CHECK(calibrate::distillation_kl(teacher, z).item<double>() ==
        doctest::Approx(expected.item<double>()).epsilon(1e-9));
}

TEST_CASE("sets: every invariance calibrates, and lowers its loss") {
  using calibrate::Family;
  using calibrate::Invariance;
  SetsLane lane("cnn_small");
  for (const auto invariance :
       {Invariance::none, Invariance::irm, Invariance::vrex, Invariance::perturbation})
    for (const auto family : {Family::blind, Family::minimax}) {
      if (invariance != Invariance::perturbation && family != Family::blind) continue;
      CAPTURE(static_cast<int>(invariance));
      CAPTURE(static_cast<int>(family));
      calibrate::Objective objective;
      objective.invariance = invariance;
      objective.family = family;
      objective.kd = 0.1;
      const auto result = lane.run(job_for(lane, objective));
      CHECK(result.figures.at("loss_after") < result.figures.at("loss_before"));
      CHECK(result.figures.at("kl_after") < result.figures.at("kl_before"));
    }
}

TEST_CASE("sets: the Fisher information of a logistic regression, by hand") {
  SetsLane lane("logreg");
  const auto version = lane.trained(60, 2);
  const auto rows = test::rows(5, 17);
  const auto x = lane.workspace->gather(lane.workspace->upload(*rows), 0, 12).images.flatten(1);
  const auto p = lane.logits(version, rows).sigmoid();
  const auto expect = [&](const torch::Tensor& squares, config::FisherLabels labels) {
    calibrate::FisherJob job;
    job.model = version;
    job.rows = rows;
    job.labels = labels;
    const auto expected = torch::cat({squares.t().matmul(x.square()).flatten() / 12, squares.mean(0)});
    const auto f = lane.run(job).outputs.at(0)->values;
    CHECK(test::largest(f - expected) < 1e-5 * test::largest(expected) + 1e-7);
  };
  expect(p * (1 - p), config::FisherLabels::all);
  expect((lane.labels(rows) - p).square(), config::FisherLabels::own);
  calibrate::FisherJob job;
  job.model = version;
  job.rows = rows;
  job.labels = config::FisherLabels::sampled;
  const auto once = lane.run(job).outputs.at(0)->values;
  CHECK(at::equal(once, lane.run(job).outputs.at(0)->values));
  CHECK(test::largest(once) > 0);
}

TEST_CASE("sets: searches look for what turns a label on, over images that have it not") {
  SetsLane lane("mlp");
  const auto version = lane.trained(60);
  calibrate::TriggerJob search;
  search.model = version;
  search.environments = environments();
  const auto found = lane.run(search);
  CHECK(found.figures.at("success") > 0.9);
  const auto y = lane.labels(test::rows(60, 120));
  CHECK(engine::rows_without(y, 1).size(0) + y.select(1, 1).sum().item<std::int64_t>() == 60);

  // The model after never learned label 2: its mean logit falls, and its pattern is found.
  auto values = version->values.clone();
  const auto head = model::head_range(lane.workspace->net(), *lane.workspace->layout());
  values.narrow(0, head.offset + 2 * head.features, head.features).zero_();
  values.narrow(0, values.numel() - 1, 1).fill_(-6);
  calibrate::DifferenceJob job;
  job.before = version;
  job.erased = lane.workspace->wrap(values, version->buffers);
  job.environments = environments();
  job.labels = 3;
  const auto difference = lane.run(job);
  CHECK(difference.figures.at("label") == 2);
  CHECK(difference.figures.at("success") > 0.5);
  CHECK(difference.figures.at("erased_success") < 0.5);
}
